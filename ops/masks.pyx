# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Masks of COCO, drawn pixel by pixel into an array of the caller, without the GIL.

The decoder of pycocotools holds the GIL, so that the threads of a loader would wait for each other, and makes a picture
for every person, which would have to be joined.
"""

from libc.string cimport memset


def draw_runs(const unsigned char[::1] code not None, unsigned char value, unsigned char[::1] pixels not None):
    """Set the pixels of a compressed run-length code of COCO.

    The code holds the lengths of runs of pixels outside and inside of the mask in turn. Each is a number of 5 bits
    per character from ``0`` on, the lowest first; bit 5 of a character says that another one follows, bit 4 of the
    last one is the sign. From the fourth on they are differences to the last run of the same kind.

    Parameters
    ----------
    code
        The ASCII characters.
    value
        What the pixels inside of the mask are set to; all others are left as they are.
    pixels
        (W * H,) column after column.

    Raises
    ------
    ValueError
        If the runs are more than the pixels, or the code holds another character or ends within a number.
    """
    cdef Py_ssize_t place = 0, size = code.shape[0], start = 0, left = pixels.shape[0], run = 0
    cdef long long[3] lengths  # of this run and the two before it
    cdef int shift
    cdef unsigned char digit
    lengths[:] = [0, 0, 0]
    with nogil:
        while place < size:
            lengths[0], lengths[1], lengths[2] = lengths[1], lengths[2], 0
            shift, digit = 0, 32
            while digit & 32 and place < size and shift < 60:
                digit = code[place] - 48
                if digit > 63:
                    with gil:
                        raise ValueError(f"character {code[place]} does not belong in a run-length code")
                lengths[2] |= <long long> (digit & 31) << shift
                shift += 5
                place += 1
            if digit & 32:
                with gil:
                    raise ValueError(f"run {run} of the run-length code has no end")
            if digit & 16:
                lengths[2] -= <long long> 1 << shift
            if run > 2:
                lengths[2] += lengths[0]
            if not 0 <= lengths[2] <= left:
                with gil:
                    raise ValueError(f"run {run} of the run-length code is {lengths[2]} pixels of {left}")
            if run % 2 and lengths[2]:
                memset(&pixels[start], value, lengths[2])
            start += lengths[2]
            left -= lengths[2]
            run += 1
