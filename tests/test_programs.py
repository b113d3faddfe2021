"""How programs are compiled, and where they are kept."""

import jax
import pytest

from mithridate.attack.victims import MLP, Ridge
from mithridate.bench import programs

NAMES = (
    "jax_compilation_cache_dir",
    "jax_compilation_cache_max_size",
    "jax_persistent_cache_min_compile_time_secs",
    "jax_persistent_cache_min_entry_size_bytes",
)


class Lowered:
    """Stands for a program; a version of XLA that is `old` does not know the options."""

    def __init__(self, old=False):
        self.old = old

    def compile(self, compiler_options=None):
        if self.old and compiler_options:
            raise RuntimeError("No such compile option: 'xla_cpu_use_fusion_emitters'")
        return compiler_options


@pytest.fixture
def settings():
    before = {name: getattr(jax.config, name) for name in NAMES}
    yield before
    for name, value in before.items():
        jax.config.update(name, value)


def test_a_short_run_is_compiled_plainly_and_a_long_one_is_not():
    few = programs.FEW_CELLS
    assert programs.compiled(Lowered(), Ridge(), few) == programs.PLAINLY
    assert programs.compiled(Lowered(), Ridge(), few + 1) is None
    assert programs.compiled(Lowered(), MLP(), few) is None


def test_an_unknown_option_of_xla_is_no_error():
    assert programs.compiled(Lowered(old=True), Ridge(), 1) is None


def test_this_version_of_xla_knows_the_options():
    doubled = jax.jit(lambda x: 2 * x).lower(1.0).compile(compiler_options=programs.PLAINLY)
    assert doubled(1.5) == 3.0


def test_programs_are_kept_in_the_folder_for_caches(settings, tmp_path, monkeypatch):
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR")
    monkeypatch.setenv("MITHRIDATE_CACHE", str(tmp_path))
    programs.keep()
    assert jax.config.jax_compilation_cache_dir.startswith(str(tmp_path / "programs"))
    assert jax.config.jax_compilation_cache_max_size == programs.MOST_BYTES


def test_what_the_environment_says_of_the_cache_of_jax_comes_first(settings, monkeypatch):
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "elsewhere")
    programs.keep()
    assert {name: getattr(jax.config, name) for name in NAMES} == settings


def test_a_folder_that_cannot_be_written_is_no_error(settings, tmp_path, monkeypatch):
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR")
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MITHRIDATE_CACHE", str(tmp_path / "file"))
    programs.keep()
    assert {name: getattr(jax.config, name) for name in NAMES} == settings
