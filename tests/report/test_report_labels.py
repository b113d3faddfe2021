"""Reports name a class as it names itself, and know none by heart."""

import json

import pytest

from mithridate.bench import Spec
from mithridate.bench.labels import classes_of
from mithridate.defenses import Trim
from mithridate.report.frame import Frame
from mithridate.report.labels import Labels
from mithridate.report.study.leaderboard import boards
from mithridate.schema import CLASSES, Row, about, gather, to_table, write, write_classes

from .studies import CLASSES as KNOWN
from .studies import LABELS, poisoned


class Own(Trim):
    """Another defense than the one it extends."""


class Named(Trim):
    label = "My defense"


def test_classes_say_what_the_tests_of_the_pages_take_them_to_be_called():
    names = {"defenses": list(LABELS), "attacks": ["ascent", "flip", "random"]}
    for victim in ("ridge", "mlp"):
        found = classes_of([Spec.of({**names, "victim": victim})])
        for kind, wanted in KNOWN.items():
            for name in wanted.keys() & found[kind].keys():
                said = found[kind][name]
                assert {key: said[key] for key in wanted[name]} == wanted[name]
        assert found["victim"].keys() == {victim}


def test_a_class_from_elsewhere_has_a_name_of_its_own():
    own, named = f"{__name__}:Own", f"{__name__}:Named"
    spec = Spec.of({"defenses": [own, named], "attacks": [{"use": "ascent", "against": own}]})
    labels = Labels(classes_of([spec]))
    assert (labels.defense(own), labels.defense(named)) == ("Own", "My defense")
    rows = [*poisoned(defenses=["trim", own, named]), *poisoned(defenses=[own], against=own)]
    (board,) = boards(Frame(to_table(rows, Row, {CLASSES: classes_of([spec])})))
    shown = {line.name for line in [*board.ranked, *board.unranked]}
    assert shown == {"trim", "Own", "My defense"}


def test_the_names_of_a_study_lie_beside_its_parts(tmp_path):
    (tmp_path / "parts").mkdir()
    write(to_table(poisoned(seeds=1), Row), tmp_path / "parts/a.parquet")
    assert about(gather(tmp_path)) == {CLASSES: {}}
    write_classes({"defense": {"trim": {"label": "TRIM"}}}, tmp_path)
    write_classes({"defense": {"huber": {"label": "Huber"}}, "attack": {}}, tmp_path)
    labels = Labels.of(gather(tmp_path))
    assert (labels.defense("trim"), labels.defense("huber")) == ("TRIM", "Huber")


@pytest.mark.parametrize("damaged", ["", "[]", "3", '{"defense": 3}', '{"defense": {"trim": []}}'])
def test_damaged_names_leave_the_keys(tmp_path, damaged):
    (tmp_path / "parts").mkdir()
    write(to_table(poisoned(seeds=1), Row), tmp_path / "parts/a.parquet")
    (tmp_path / "classes.json").write_text(damaged)
    assert Labels.of(gather(tmp_path)).defense("trim") == "trim"


@pytest.mark.parametrize(
    "facts", [[], 3, {"classes": 3}, {"classes": {"defense": {"trim": {"label": 3}}}}]
)
def test_facts_of_any_shape_leave_the_keys(facts):
    table = to_table([], Row).replace_schema_metadata({"mithridate": json.dumps(facts)})
    assert Labels.of(table).defense("trim") == "trim"
