"""Build script: compiles the kernels with Cython; all else is in pyproject.toml."""

import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CCompilerError, CompileError, PlatformError

try:
    from Cython.Build import cythonize
except ImportError:
    sys.exit("error: building cpm takes Cython 3, which is not there: pip install 'cython>=3' setuptools")

ROOT = Path(__file__).parent


class BuildKernels(build_ext):
    """Says what to do where nothing can be compiled."""

    def build_extension(self, extension: Extension) -> None:
        """Compile a kernel."""
        try:
            super().build_extension(extension)
        except (CCompilerError, PlatformError) as error:
            raise CompileError(
                f"the kernels of cpm cannot be compiled ({error}): install a C compiler and the headers of Python, on "
                "Debian `apt-get install gcc libc6-dev python3-dev`, on macOS `xcode-select --install`, or a wheel of "
                "cpm-pose, which is compiled already"
            ) from None


def kernels() -> list:
    """Return one extension per ``ops/*.pyx``; portable flags, so that a wheel runs on any CPU of its kind."""
    extensions = [
        Extension(f"cpm.ops.{source.stem}", [str(source.relative_to(ROOT))], extra_compile_args=["-O3"])
        for source in sorted((ROOT / "cpm" / "ops").glob("*.pyx"))
    ]
    return cythonize(extensions, build_dir="build", language_level=3)


setup(ext_modules=kernels(), cmdclass={"build_ext": BuildKernels})
