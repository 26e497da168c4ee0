"""Run times from Snakemake's benchmark files."""

import numpy as np
import pytest

from softaer.core.errors import InputError
from softaer.page.run_times import run_times

HEAD = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"


def benchmark(folder, name, *cells):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEAD + "\t".join(cells) + "\n")


def job(seconds, memory, processor):
    return [seconds, "0:00:01", memory, "1", "1", "1", "1", "1", "1", processor]


def test_jobs_of_a_stage_are_added_up(tmp_path):
    benchmark(tmp_path, "train/a/seed1.tsv", *job("10.0", "100.5", "15.0"))
    benchmark(tmp_path, "train/a/seed2.tsv", *job("30.0", "90.0", "25.0"))
    benchmark(tmp_path, "train/b.tsv", *job("20.0", "80.0", "20.0"))
    benchmark(tmp_path, "summarise.tsv", *job("0.5", "-", "-"))
    benchmark(tmp_path, "report.tsv", *job("99.0", "1", "1"))
    table = run_times(tmp_path)
    assert table["stage"].tolist() == ["train", "summarise"]
    train, summarise = table.to_dict("records")
    assert train == {
        **{"stage": "train", "jobs": 3, "total": 60.0, "median": 20.0, "longest": 30.0},
        **{"processor": 1.0, "memory": 100.5},
    }
    assert summarise["jobs"] == 1
    assert np.isnan([summarise["processor"], summarise["memory"]]).all()


def test_without_benchmarks_there_is_nothing_to_tell(tmp_path):
    assert run_times(tmp_path / "benchmarks").empty


def test_another_file_is_told(tmp_path):
    (tmp_path / "train").mkdir()
    (tmp_path / "train/x.tsv").write_text("not a benchmark\n")
    with pytest.raises(InputError, match=r"train/x\.tsv: not a benchmark"):
        run_times(tmp_path)
