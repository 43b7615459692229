"""Build script: the top-level folders become the subpackages of ``cpm``, the kernels are compiled with Cython."""

from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

ROOT = Path(__file__).parent
SUBPACKAGES = (
    "ops", "codecs", "datasets", "datasets.synthetic", "models", "models.importing",
    "training", "inference", "evaluation", "configs",
)  # fmt: skip


def requirements() -> list:
    """Return the requirement lines of requirements.txt without their comments."""
    lines = (line.split("#")[0].strip() for line in (ROOT / "requirements.txt").read_text().splitlines())
    return [line for line in lines if line]


def kernels() -> list:
    """Return one extension per ``ops/*.pyx``; portable flags, so that a wheel runs on any CPU of its kind."""
    sources = sorted((ROOT / "ops").glob("*.pyx"))
    extensions = [
        Extension(f"cpm.ops.{source.stem}", [f"ops/{source.name}"], extra_compile_args=["-O3"]) for source in sources
    ]
    return cythonize(extensions, build_dir="build", language_level=3)


setup(
    packages=["cpm", *(f"cpm.{name}" for name in SUBPACKAGES)],
    package_dir={"cpm": "cpm", **{f"cpm.{name}": name.replace(".", "/") for name in SUBPACKAGES}},
    package_data={"cpm": ["py.typed"], "cpm.ops": ["*.pyi"], "cpm.evaluation": ["lists/*.txt"]},
    ext_modules=kernels(),
    install_requires=requirements(),
)
