"""The report's page: reads what training and evaluation left, fills the template, writes one file."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from blemish.data.dataset import GOOD
from blemish.errors import DataError, SettingsError
from blemish.evaluation.record import EVALUATION_FILE, Evaluation, read_evaluation
from blemish.inference import open_predictor
from blemish.inference.predictor import Predictor
from blemish.model.artifact import Artifact, read_artifact
from blemish.model.exports import read_export
from blemish.report import ml_sections, sections
from blemish.report.gallery import choose, level_scale, scale, with_pictures
from blemish.report.photo_list import wrong_photos
from blemish.report.rendering import write_page
from blemish.report.sizes import size_section
from blemish.report.verdict import assess
from blemish.results.level_maps import SCALE, runtime_for
from blemish.results.overlays import MARK_LINE, TRUTH_LINE
from blemish.version import __version__

_EVALUATION = Path("evaluation", EVALUATION_FILE)
"""The place in RUN where an evaluation is, unless it was written elsewhere."""
PAGE = "report.html"
_SUFFIXES = (".html", ".htm")
_TEMPLATE = "report.html"


def write_report(
    run: Path,
    *,
    evaluation: Path | None = None,
    output: Path | None = None,
    predictor: Predictor | None = None,
    runtime: str = "auto",
    precision: str | None = None,
    device: str = "auto",
    level_maps: bool = False,
) -> Path:
    """Writes the report of the model in `run` and returns the page's path: beside the evaluation, else in `run`.

    `evaluation` is an evaluation.json elsewhere; without any, the page tells of training and calibration alone.
    `runtime`, `precision` (without one, that of the evaluation) and `device` open a predictor where none is given and
    there are photos to show. Raises ArtifactError or DataError where model or evaluation are missing or damaged,
    SettingsError where level maps are asked for and cannot be had or `output` is not named as a page, OutputError where
    it cannot be written.
    """
    if output is not None and output.suffix.lower() not in _SUFFIXES:
        raise SettingsError(f"{output}: a report is a web page (HTML): give a name that ends with .html")
    artifact = read_artifact(run)
    file = evaluation or run / _EVALUATION
    measured = _read_evaluation(file, artifact) if evaluation is not None or file.exists() else None
    artifact = as_evaluated(artifact, measured)
    page = output or (file.with_name(PAGE) if measured is not None else run / PAGE)
    groups = [] if measured is None else choose(measured)
    if level_maps and not groups:
        raise SettingsError(f"level maps are shown of test photos, and {run} has no evaluation: evaluate it first")
    if groups:
        if predictor is None:
            runtime, precision = _as_judged(measured, runtime, precision)
            if level_maps and precision != "fp32":
                raise SettingsError(f"level maps are fp32's, this would be in {precision}: evaluate in fp32 first")
            name = runtime_for(runtime, level_maps=level_maps)
            predictor = open_predictor(run, runtime=name, precision=precision, device=device)
        groups = with_pictures(groups, predictor, level_maps=level_maps)
    context = _context(artifact, measured, level_maps=level_maps) | {"groups": groups, "run": run.resolve().name}
    write_page(page, _TEMPLATE, context)
    return page


def _read_evaluation(path: Path, artifact: Artifact) -> Evaluation:
    """Reads an evaluation whose every field is of its type, and checks what the page counts on beyond that."""
    evaluation = read_evaluation(path)
    if evaluation.provenance is not None and evaluation.provenance.weights_sha256 != artifact.weights_sha256:
        raise DataError(f"{path} is of another model than {artifact.folder} holds now: evaluate anew")
    counted = Counter(photo.defect_type for photo in evaluation.photos)
    sound = (
        counted == {name: kind.photos for name, kind in evaluation.defect_types.items()}
        and counted[GOOD] == evaluation.good_photos
        and counted.total() == evaluation.good_photos + evaluation.defective_photos
        and all(curve.x and len(curve.x) == len(curve.y) for curve in evaluation.curves.values())
    )
    if not sound:
        raise DataError(f"{path} is damaged or edited (its counts and its photos disagree): evaluate anew")
    return evaluation


def as_evaluated(artifact: Artifact, evaluation: Evaluation | None) -> Artifact:
    """Returns the artifact with the thresholds that judged, an export's own too; raises ArtifactError if that is
    gone."""
    model = evaluation.provenance if evaluation is not None else None
    if model is None or model.precision == "fp32":
        return artifact
    export = read_export(artifact, model.runtime, model.precision)
    return artifact if export.calibration is None else replace(artifact, calibration=export.calibration)


def _as_judged(evaluation: Evaluation | None, runtime: str, precision: str | None) -> tuple[str, str]:
    """Returns what opens the predictor that judged; in fp32 all runtimes agree, so that any may stand for it."""
    model = evaluation.provenance if evaluation is not None else None
    if precision is not None or model is None or model.precision == "fp32":
        return runtime, precision or "fp32"
    return (model.runtime if runtime == "auto" else runtime), model.precision


def _context(artifact: Artifact, evaluation: Evaluation | None, *, level_maps: bool) -> dict[str, Any]:
    """Returns what the template lays out."""
    context = {
        "artifact": artifact,
        "version": __version__,
        "calibration": artifact.calibration,
        "method": artifact.title,
        "verdict": assess(artifact, evaluation),
        "facts": sections.facts(artifact, evaluation),
        "origin": sections.origin(artifact, evaluation),
        "histogram": sections.histogram(artifact, evaluation),
        "training_facts": ml_sections.training_facts(artifact, evaluation),
        "training_curves": ml_sections.training_curves(artifact),
        "evaluation": evaluation,
        "scale": scale(),
        "mark_line": MARK_LINE,
        "truth_line": TRUTH_LINE,
        "level_scale": level_scale() if level_maps else None,
        "degrees": SCALE,
    }
    if evaluation is not None:
        context |= {
            "rates": sections.rates(artifact, evaluation),
            "wrong": wrong_photos(evaluation),
            "kinds": sections.hardest_first(evaluation),
            "metrics": ml_sections.metric_table(artifact, evaluation),
            "metrics_by_type": ml_sections.metrics_by_type(evaluation),
            "curves": ml_sections.curves(evaluation),
            "sizes": size_section(evaluation.size_sweep),
        }
    return context
