"""Build script: ``cpm/`` holds links to the folders of its subpackages; the kernels are compiled with Cython."""

from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, find_packages, setup

ROOT = Path(__file__).parent


def requirements() -> list:
    """Return the requirement lines of requirements.txt without their comments."""
    lines = (line.split("#")[0].strip() for line in (ROOT / "requirements.txt").read_text().splitlines())
    return [line for line in lines if line]


def kernels() -> list:
    """Return one extension per ``ops/*.pyx``; portable flags, so that a wheel runs on any CPU of its kind."""
    extensions = [
        Extension(f"cpm.ops.{source.stem}", [str(source.relative_to(ROOT))], extra_compile_args=["-O3"])
        for source in sorted((ROOT / "cpm" / "ops").glob("*.pyx"))
    ]
    return cythonize(extensions, build_dir="build", language_level=3)


setup(
    packages=find_packages(include=["cpm", "cpm.*"]),
    package_data={"cpm": ["py.typed"], "cpm.ops": ["*.pyi"], "cpm.evaluation": ["lists/*.txt"]},
    ext_modules=kernels(),
    install_requires=requirements(),
)
