"""`python -m tests.bench [NAME ...] [--json]`: each benchmark measures edgetui and a yardstick in turns."""

from __future__ import annotations

import argparse
import json
import sys
from importlib import import_module

from tests.bench.measure import Measured, bench

NAMES = ("startup", "idle", "keys", "deploy", "build", "check", "logs")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which: {', '.join(NAMES)} (default: all)")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    args = parser.parse_args()
    unknown = sorted(set(args.names) - set(NAMES))
    if unknown:
        parser.error(f"no such benchmark: {', '.join(unknown)}; there are: {', '.join(NAMES)}")
    met = True
    if not args.json:
        print(f"{'':<34}{'value':>10}  {'unit':<14}{'target':>8}")
    for name in args.names or NAMES:
        with bench() as place:
            for one in import_module(f"tests.bench.{name}").run(place):
                met = met and one.met
                print(line(one, as_json=args.json), flush=True)
    return 0 if met else 1


def line(one: Measured, *, as_json: bool) -> str:
    if as_json:
        value = {"name": one.name, "value": one.value, "unit": one.unit, "target": one.target, "met": one.met}
        return json.dumps(value)
    target = "" if one.target is None else f"{one.target:g}"
    mark = "" if one.target is None else " met" if one.met else " MISSED"
    return f"{one.name:<34}{one.value:>10.3f}  {one.unit:<14}{target:>8}{mark}"


if __name__ == "__main__":
    sys.exit(main())
