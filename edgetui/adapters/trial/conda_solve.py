"""Solves conda packages for a platform without installing any.

This file is run by itself (`python -I conda_solve.py ORDER ANSWER`), knows nothing of ours, and needs the package py-rattler.
ORDER is a file of JSON: channels, specs, platform (conda's name), glibc, cache (a folder). ANSWER becomes one: `packages`
(name to version), else `kind` (`spec`, with its `place`; `solver`; `channel`; `network`) with the solver's own `words`.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    """Read the order, solve, answer."""
    order = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    Path(sys.argv[2]).write_text(json.dumps(asyncio.run(_solved(order))), encoding="utf-8")
    os._exit(0)  # py-rattler's threads now and then bring down a Python that ends in order


async def _solved(order: dict[str, Any]) -> dict[str, Any]:
    import rattler
    from rattler import exceptions

    specs = []
    for place, text in enumerate(order["specs"]):
        try:
            specs.append(rattler.MatchSpec(text))
        except Exception as wrong:  # noqa: BLE001, PERF203 -- of one kind for each way to be wrong
            return {"kind": "spec", "place": place, "words": str(wrong)}
    # What the device has of itself; a package that asks for more, such as a GPU's driver, cannot be there.
    machine = "aarch64" if order["platform"] == "linux-aarch64" else "x86_64"
    own = [
        ("__unix", "0", "0"),
        ("__linux", "5.10", "0"),
        ("__glibc", order["glibc"], "0"),
        ("__archspec", "1", machine),
    ]
    try:
        found = await rattler.solve(
            [rattler.Channel(name) for name in order["channels"]],
            specs,
            gateway=rattler.Gateway(cache_dir=order["cache"]),
            platforms=[order["platform"], "noarch"],
            virtual_packages=[
                rattler.GenericVirtualPackage(
                    rattler.PackageName(name), rattler.Version(version), rattler.BuildString(build)
                )
                for name, version, build in own
            ],
        )
    except exceptions.SolverError as wrong:
        return {"kind": "solver", "words": str(wrong)}
    except (exceptions.InvalidChannelError, exceptions.InvalidUrlError) as wrong:
        return {"kind": "channel", "words": str(wrong)}
    except (exceptions.GatewayError, exceptions.FetchRepoDataError, exceptions.IoError) as wrong:
        return {"kind": "channel" if "could not find subdir" in str(wrong) else "network", "words": str(wrong)}
    return {"packages": {one.name.normalized: str(one.version) for one in found}}


if __name__ == "__main__":
    main()
