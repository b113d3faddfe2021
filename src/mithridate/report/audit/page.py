"""The whole report as one self-contained HTML page that asks nothing of the network."""

from pathlib import Path
from typing import Any

import pyarrow as pa

from ... import _files
from .. import text
from ..series import in_order
from ..shell import render
from ..style import Figure, styles
from . import crossings, damage, poison, tables
from . import findings as find
from .cells import AuditResults
from .facts import facts
from .headlines import sentences
from .moves import moves
from .tiles import tiles


def html(results: pa.Table, looks: pa.Table, moved: pa.Table) -> str:
    """Draw the report of an audit as one HTML page: offline and safe against hostile names.

    Parameters
    ----------
    results : pyarrow.Table
        Rows of `mithridate.schema.Row`; `schema.about(results)` may lack any key.
    looks : pyarrow.Table
        Rows of `mithridate.schema.PlottedRow`: training rows as a person sees them; may be empty.
    moved : pyarrow.Table
        Rows of `mithridate.schema.Moved`: how far each column was moved; may be empty.

    Returns
    -------
    str
        The page, with its style, script and figures inside.

    Examples
    --------
    >>> from mithridate.schema import PlottedRow, Moved, Row, to_table
    >>> html(to_table([], Row), to_table([], PlottedRow), to_table([], Moved))[:15]
    '<!doctype html>'
    """
    audit = AuditResults(results)
    rows, columns = (poison.examples(table, audit.labels) for table in (looks, moved))
    # All series of the page in one order, so that each looks the same in every figure.
    look = styles(in_order(dict.fromkeys([*audit.series, *rows.series, *columns.series])))
    figures, places = _figures(audit, rows, columns, look)
    return render(
        "audit/page.html",
        figures,
        places=places,
        all_series=[look[s] for s in audit.series],
        bounded=[damage.BOUND] if any(audit.at_most(r) for r in audit.ratios) else [],
        main_series=[look[s] for s in audit.main],
        seen_series=[look[s] for s in look if s in {*rows.series, *columns.series}],
        **_tables(audit, look),
        **_words(results, audit, sorted({*rows.ratios, *columns.ratios})),
    )


def write_html(path: Path | str, results: pa.Table, looks: pa.Table, moved: pa.Table) -> None:
    """Write the report of an audit to a file, all or nothing.

    Parameters
    ----------
    path : path-like
        File to write; its folder must exist.
    results, looks, moved : pyarrow.Table
        The tables of `html`.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    page = html(results, looks, moved)
    _files.write_atomically(Path(path), lambda part: part.write_text(page, encoding="utf-8"))


def _figures(
    audit: AuditResults, rows: poison.Examples, columns: poison.Examples, look: damage.Styles
) -> tuple[dict[str, Figure], dict[str, list[tuple[str, str]]]]:
    """Figures by id, and for each place of the page the ids and titles of its panels."""
    figures: dict[str, Figure] = {}
    places: dict[str, list[tuple[str, str]]] = {}

    def put(place: str, drawn: dict[str, Figure | None]) -> None:
        shown = {title: figure for title, figure in drawn.items() if figure is not None}
        places[place] = [(f"{place}-{i}", title) for i, title in enumerate(shown)]
        figures.update(zip((id for id, _ in places[place]), shown.values(), strict=True))

    put("damage", {"Error against poison ratio": damage.damage(audit, look)})
    put(
        "visible",
        {
            "Seen by residual": damage.visible(audit, look),
            "Seen by the best scores": damage.detected(audit, look),
        },
    )
    put("defended", {audit.labels.heading(d): f for d, f in damage.defended(audit, look).items()})
    put("residuals", {"Residuals": poison.residuals(rows, look)})
    put("axes", {look[s].words: f for s, f in poison.axes(rows, look).items()})
    titles = {"number": "Numbers and target", "category": "Category sets"}
    put("moved", {titles[kind]: f for kind, f in poison.moved(columns, look).items()})
    return figures, places


def _tables(audit: AuditResults, look: damage.Styles) -> dict[str, Any]:
    """Everything that the page shows as a table."""
    gain, full = tables.maps(audit, look)
    ratios, outcomes = tables.outcomes(audit, look)
    failures, more_failures = tables.failures(audit)
    warnings, more_warnings = tables.warnings(audit)
    return {
        "ratios": [text.ratio(r) for r in audit.ratios],
        "within": tables.within(audit),
        "growths": tables.growths(audit, look),
        "visibility": tables.visibility(audit, look),
        "maps": gain,
        "full": text.signed(full).lstrip("+"),
        "outcome_ratios": [text.ratio(r) for r in ratios],
        "outcomes": outcomes,
        "costs": tables.costs(audit),
        "failures": failures,
        "more_failures": more_failures,
        "warnings": warnings,
        "more_warnings": more_warnings,
    }


def _words(results: pa.Table, audit: AuditResults, ratios: list[float]) -> dict[str, Any]:
    """Everything that the page says in prose; at `ratios` poison rows are shown."""
    informed = [d for d in audit.defenses if find.knows_ratio(audit, d)]
    return {
        "facts": facts(audit),
        "headlines": sentences(audit),
        "meetings": crossings.lines(results, audit),
        "bound": crossings.bound(results),
        "moves": moves(audit),
        "tiles": tiles(audit),
        "seeds": audit.seeds,
        "shown_ratios": text.listing([text.ratio(r) for r in ratios]) if ratios else "",
        "informed": text.listing([audit.labels.defense(d) for d in informed]) if informed else "",
        "has_oracle": audit.has_oracle,
        "controlled": bool(audit.controls) and audit.main != audit.controls,
    }
