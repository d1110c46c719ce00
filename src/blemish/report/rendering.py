"""Templates that become self-contained pages."""

from pathlib import Path
from typing import Any

from blemish.errors import MissingExtraError
from blemish.files import write_text
from blemish.report.verdict import share_text, unbroken
from blemish.wording import as_argument


def write_page(page: Path, template: str, context: dict[str, Any]) -> None:
    """Fills a template of report/templates and writes the page; raises MissingExtraError, OutputError."""
    html = _render(template, context)
    # A file name may hold bytes that are no text.
    write_text(page, html.encode("utf-8", "backslashreplace").decode())


def _render(template: str, context: dict[str, Any]) -> str:
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
        from markupsafe import Markup, escape
    except ImportError as error:
        raise MissingExtraError(package="jinja2", extra="report", purpose="a report's page") from error
    environment = Environment(
        loader=PackageLoader("blemish.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["share"] = share_text
    environment.filters["sentence"] = lambda text: text[:1].upper() + text[1:]
    environment.filters["unbroken"] = unbroken
    environment.filters["argument"] = as_argument
    environment.filters["breakable"] = lambda name: escape(name).replace("_", Markup("_<wbr>"))
    environment.filters["svg"] = Markup  # only of what svg.draw made, which escapes every name in it
    return environment.get_template(template).render(context)
