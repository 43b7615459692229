"""What the tests of the scripts share: a training that is soon over, and how a mistake is told."""

TINY = ["--set=model.name=cpm_small", "--set=model.options.channels=8", "--set=model.pretrained=",
        "--set=augment.crop=64", "--batch-size=2", "--num-workers=1", "--epochs=1", "--gpus=-1"]  # fmt: skip


def assert_one_line(process, *parts):
    """Check that a script stopped with one clear line and nothing else."""
    lines = process.stderr.strip().splitlines()
    assert process.returncode == 2, process.stderr
    assert len(lines) == 1 and lines[0].startswith("error: "), process.stderr
    for part in parts:
        assert part in lines[0]
