"""All that wants a GPU, in one command of at most nine minutes: checks, speed, and a whole training on real photos.

    python benchmarks/on_a_gpu.py --output figures.json
    python benchmarks/on_a_gpu.py --output figures.json --wheels WHEELS --photos screw --weights resnet18.safetensors
    python benchmarks/on_a_gpu.py --output figures.json --tiny       # on the CPU: are the steps themselves right?

Needs Python with torch alone: what else is missing is installed from the folder of wheels, into a folder of its own.
Every step is a process with a time limit, and its figures are on the disk before the next begins. Ends with 0 if every
check passed. docs/how-to/run-on-a-gpu.md says what the figures mean.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from gpu_steps import Case, Step, run_step, write_json

FORMAT_VERSION = 1
ROOT = Path(__file__).resolve().parents[1]
FEWEST_SECONDS = 3.0  # less is no time to begin a step with

STEPS = {
    "environment": Step(call="gpu_card:environment", seconds=45),
    "contract": Step(call="gpu_checks:contract", seconds=100),
    "processes": Step(call="gpu_checks:processes", seconds=50),
    "speed-mend": Step(call="gpu_training:speed", seconds=50, arguments={"method": "mend"}),
    "speed-destseg": Step(call="gpu_training:speed", seconds=50, arguments={"method": "destseg"}),
    "speed-stpm": Step(call="gpu_training:speed", seconds=40, arguments={"method": "stpm"}),
    "speed-rstpm-lite": Step(call="gpu_training:speed", seconds=50, arguments={"method": "rstpm-lite"}),
    "judging-mend": Step(call="gpu_judging:torch_runtime", seconds=30, arguments={"method": "mend"}),
    "judging-stpm": Step(call="gpu_judging:torch_runtime", seconds=30, arguments={"method": "stpm"}),
    "judging-destseg": Step(call="gpu_judging:torch_runtime", seconds=30, arguments={"method": "destseg"}),
    "onnx": Step(call="gpu_judging:onnx_runtime", seconds=40),
    "learn-destseg": Step(call="gpu_learning:learn", seconds=480, arguments={"method": "destseg"}),
    "learn-stpm": Step(call="gpu_learning:learn", seconds=120, arguments={"method": "stpm"}),
    "learn-rstpm": Step(call="gpu_learning:learn", seconds=240, arguments={"method": "rstpm"}),
}


def main() -> None:
    options = _arguments()
    began = time.monotonic()
    log = options.output.with_suffix(".log")
    options.output.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("")
    with tempfile.TemporaryDirectory(prefix="on-a-gpu-") as scratch:
        _make_importable(options.wheels, Path(scratch) / "site")
        case = Case(
            device="cpu" if options.tiny else options.device,
            tiny=options.tiny,
            scratch=Path(scratch) / "work",
            photos=options.photos,
            weights=options.weights,
        )
        record: dict[str, Any] = {"format_version": FORMAT_VERSION, "device": case.device, "tiny": case.tiny}
        record |= {"minutes": options.minutes, "steps": {}}
        for name in options.steps or STEPS:
            left = options.minutes * 60 - (time.monotonic() - began)
            record["steps"][name] = _outcome(name, case, left=left, log=log)
            record["seconds"] = round(time.monotonic() - began, 1)
            record["passed"] = all(o["status"] in ("passed", "skipped") for o in record["steps"].values())
            write_json(record, options.output)
            case = replace(case, figures={**case.figures, name: record["steps"][name]["figures"]})
            print(_line(name, record["steps"][name]), flush=True)
    print(f"\n{_table(record)}\n\n{'every check passed' if record['passed'] else 'NOT every check passed'}")
    print(f"figures: {options.output}; what the steps said: {log}")
    sys.exit(0 if record["passed"] else 1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, help="JSON file of all figures; a .log is put beside it")
    parser.add_argument("--minutes", type=float, default=8.8, help="after which the last step is stopped")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--photos", type=Path, help="folder of one MVTec AD category; default: made-up parts")
    parser.add_argument("--weights", type=Path, help="weights file of resnet18; without it, no whole training")
    parser.add_argument("--wheels", type=Path, help="folder of wheels, of which the missing ones are installed")
    parser.add_argument("--steps", nargs="+", choices=STEPS, metavar="STEP", help=", ".join(STEPS))
    parser.add_argument("--tiny", action="store_true", help="as small as it gets, on the CPU: tries the steps")
    return parser.parse_args()


def _make_importable(wheels: Path | None, site: Path) -> None:
    """Blemish from this repository, and what of the wheels is not installed; packages that are, come first."""
    places = [str(ROOT / "src"), str(ROOT / "benchmarks")]
    missing = [str(wheel) for wheel in sorted(wheels.glob("*.whl"))] if wheels is not None else []
    missing = [wheel for wheel in missing if not _installed(Path(wheel).name.split("-")[0])]
    if missing:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--target", str(site)]
        subprocess.run([*pip, *missing], check=True)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it, cuBLAS promises no fixed order of sums
    sys.path[:0] = places
    sys.path.append(str(site))
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([*places, *([before] if before else []), str(site)])


def _installed(package: str) -> bool:
    try:
        return bool(version(package))
    except PackageNotFoundError:
        return False


def _outcome(name: str, case: Case, *, left: float, log: Path) -> dict[str, Any]:
    """Whatever goes wrong with a step is part of its outcome."""
    if left < FEWEST_SECONDS:
        return {"status": "skipped", "seconds": 0, "budget": 0, "figures": {}, "reason": "no time was left"}
    budget = min(STEPS[name].seconds, left)
    try:
        return asdict(run_step(STEPS[name], case, budget=budget, log=log))
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        return {"status": "failed", "seconds": 0, "budget": budget, "figures": {}, "reason": reason}


def _line(name: str, outcome: dict[str, Any]) -> str:
    reason = (outcome["reason"] or "").strip().splitlines()[-1:]
    return f"{name:<18}{outcome['status']:<10}{outcome['seconds']:6.1f} s  {' '.join(reason)[:150]}"


def _table(record: dict[str, Any]) -> str:
    """What people look for first; the JSON has the rest."""
    rows: list[tuple[str, str]] = []
    for name, outcome in record["steps"].items():
        figures = outcome["figures"]
        if name == "environment":
            rows += [(key, json.dumps(figures[key])) for key in ("card", "driver", "measured") if figures.get(key)]
        shares = figures.get("share_of_floor", {})
        for key, rate in figures.get("photos_per_s", {}).items():
            of = ", ".join(f"{found[key]:.0%} of {floor}" for floor, found in shares.items() if key in found)
            rows.append((f"{name}, {key}", f"{rate:9.1f} photos/s  {of}"))
        for key in ("gpu_memory_gb", "steps", "stopped"):
            rows += [(f"{name}, {key}", str(figures[key]))] if key in figures else []
        for metric, value in figures.get("metrics", {}).items():
            rows.append((f"{name}, {metric}", "undefined" if value is None else f"{value:.4f}"))
    return "\n".join(f"{left:<40}{right}" for left, right in rows)


if __name__ == "__main__":
    main()
