"""The builders as data: what each is, what it needs, and what it cannot do."""

from __future__ import annotations

import msgspec

from edgetui.core.plan import Image

PLATFORMS = ("linux/amd64", "linux/arm64", "linux/arm/v7")
# What only our own Dockerfile can do something with.
OWN_KEYS = ("base", "index_url", "ca_bundle", "context", "network")
ENGINE_KEYS = ("network",)  # and of those, what only an engine of one's own can


class BuilderKind(msgspec.Struct, frozen=True):
    """One builder: its name in the plan, its title, what it means and needs in one line, and the platforms that it can."""

    name: str
    title: str
    says: str
    platforms: tuple[str, ...] = PLATFORMS
    own_dockerfile: bool = True


KINDS = (
    BuilderKind(
        "azureml",
        "Azure ML",
        "in Azure; needs nothing beside the workspace",
        PLATFORMS[:2],
        own_dockerfile=False,
    ),
    BuilderKind("acr", "ACR Tasks", "in the registry; needs the right to run tasks"),
    BuilderKind("docker", "Docker", "on this machine; needs a container engine"),
)
BY_NAME = {kind.name: kind for kind in KINDS}


def own_dockerfile(image: Image) -> bool:
    """Whether the image's builder takes our own Dockerfile, and all that goes with it; Azure ML writes one itself."""
    return BY_NAME[image.builder].own_dockerfile


def makers(platform: str) -> tuple[BuilderKind, ...]:
    """The builders that can build for a platform."""
    return tuple(kind for kind in KINDS if platform in kind.platforms)


def platform_problem(image: Image) -> str:
    """Why the image's builder cannot build for its platform and what can, or ""."""
    kind = BY_NAME[image.builder]
    if image.platform in kind.platforms or image.platform not in PLATFORMS:
        return ""
    others = " or ".join(other.title for other in makers(image.platform))
    return f"{kind.title} cannot build for {image.platform}: choose {others} above, or another platform"


def not_taken(image: Image) -> tuple[str, ...]:
    """The keys of `[image]` that are given, and that its builder can do nothing with."""
    return tuple(key for key in OWN_KEYS if getattr(image, key) and BY_NAME[image.builder] not in takers(key))


def takers(key: str) -> tuple[BuilderKind, ...]:
    """The builders that do something with a key of `OWN_KEYS`."""
    return tuple(kind for kind in KINDS if kind.own_dockerfile and (key not in ENGINE_KEYS or kind.name == "docker"))


def builder_problem(image: Image) -> str:
    """What the plan asks for that its builder does not take, and what to do, or ""."""
    keys = not_taken(image)
    if not keys:
        return ""
    able = " or ".join(kind.title for kind in KINDS if all(kind in takers(key) for key in keys))
    it = "it is" if len(keys) == 1 else "they are"
    names = ", ".join(f"image.{key}" for key in keys)
    return f"{names}: {it} not for {BY_NAME[image.builder].title}. Take it out of the plan, or choose {able}"
