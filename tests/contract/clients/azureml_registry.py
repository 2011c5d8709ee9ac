"""A plain azureml-core script, as a person would write it with the sandbox's env file loaded; prints what it saw as JSON."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import loopback_only

loopback_only.watch()

from azureml.core import Model, Workspace  # noqa: E402
from azureml.core.authentication import TokenAuthentication  # noqa: E402

SUBSCRIPTION = os.environ["EDGETUI_SANDBOX_SUBSCRIPTION"]
GROUP = os.environ["EDGETUI_SANDBOX_RESOURCE_GROUP"]
NAME = os.environ["EDGETUI_SANDBOX_WORKSPACE"]
LARGE = 65 << 20  # above 64 MiB the client sends blocks
saw: dict[str, object] = {}


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def tree(root: Path) -> dict[str, str]:
    return {file.relative_to(root).as_posix(): digest(file) for file in sorted(root.rglob("*")) if file.is_file()}


def failure(action: object) -> str:
    try:
        action()  # type: ignore[operator]
    except Exception as problem:  # noqa: BLE001 -- what the client sees is the point
        return f"{type(problem).__name__}: {problem}"
    return "no failure"


def main() -> None:
    auth = TokenAuthentication(get_token_for_audience=lambda _: os.environ["EDGETUI_SANDBOX_TOKEN"])
    saw["listed"] = sorted(Workspace.list(SUBSCRIPTION, auth=auth))
    saw["listed in group"] = sorted(Workspace.list(SUBSCRIPTION, auth=auth, resource_group=GROUP))
    saw["no such workspace"] = failure(lambda: Workspace.get("nope", auth, SUBSCRIPTION, GROUP))
    Path("config.json").write_text(
        json.dumps({"subscription_id": SUBSCRIPTION, "resource_group": GROUP, "workspace_name": NAME})
    )
    ws = Workspace.from_config(auth=auth)
    details = ws.get_details()
    saw["details"] = [details["location"], details["containerRegistry"].rpartition("/")[2], ws.sku]
    saw["seeded"] = [model.id for model in Model.list(ws)]

    Path("model.pkl").write_bytes(bytes(range(256)) * 100)
    folder = Path("folder model")
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_text("a\n")
    (folder / "sub" / "ä b.bin").write_bytes(b"\x00\xff" * 1000)
    (folder / "empty").write_bytes(b"")
    with Path("large.bin").open("wb") as large:
        large.truncate(LARGE)
        for place in (0, 5 << 20, LARGE - 9):
            large.seek(place)
            large.write(f"at {place}"[:9].encode())

    one = Model.register(ws, "model.pkl", "pump", tags={"site": "lab"}, description="first", properties={"p": "1"})
    two = Model.register(ws, "model.pkl", "pump", tags={"site": "lab", "stage": "test"}, description="second")
    tree_model = Model.register(ws, str(folder), "tree")
    large_model = Model.register(ws, "large.bin", "large")
    saw["versions"] = [one.version, two.version, tree_model.version, large_model.version]
    saw["latest"] = [Model(ws, "pump").id, Model(ws, "pump", version=1).description, Model(ws, id="pump:1").properties]

    for model, origin in ((one, Path("model.pkl")), (large_model, Path("large.bin"))):
        got = Path(model.download(f"got-{model.name}"))
        saw[f"same {model.name}"] = digest(got) == digest(origin) and got.stat().st_size == origin.stat().st_size
    tree_model.download("got-tree")
    saw["same tree"] = tree(Path("got-tree") / folder.name) == tree(folder)

    two.add_tags({"reviewed": "yes"})
    two.update(description="second, reviewed")
    again = Model(ws, "pump", version=2)
    saw["tags"] = [again.tags, again.description]

    for number in range(30):
        Model.register(ws, "model.pkl", "many" if number % 3 else f"many-{number}")
    pages = [model.id for model in Model.list(ws, page_count=20)]
    saw["paged"] = [len(pages), len(set(pages)), pages[0]]
    saw["latest only"] = len({model.name for model in Model.list(ws, latest=True)}) == len(Model.list(ws, latest=True))
    saw["by name"] = [model.id for model in Model.list(ws, name="pump")]
    saw["by tag"] = [model.id for model in Model.list(ws, tags=["stage", ["site", "lab"]], name="pump")]
    saw["by other tag"] = [model.id for model in Model.list(ws, tags=[["site", "moon"]])]

    two.delete()
    saw["after delete"] = [model.id for model in Model.list(ws, name="pump")]
    saw["gone"] = failure(lambda: Model(ws, "pump", version=2))
    saw["next version"] = Model.register(ws, "model.pkl", "pump").version
    saw["bad name"] = failure(lambda: Model.register(ws, "model.pkl", "no spaces please"))
    wrong = TokenAuthentication(get_token_for_audience=lambda _: os.environ["EDGETUI_SANDBOX_TOKEN"][:-4] + "AAAA")
    saw["wrong token"] = failure(lambda: Workspace.list(SUBSCRIPTION, auth=wrong))


if __name__ == "__main__":
    with contextlib.redirect_stdout(io.StringIO()):  # the client prints its progress
        main()
    saw["left"], saw["connections"] = loopback_only.LEFT, len(loopback_only.CALLS)
    print(json.dumps(saw))
