# cpm on the CPU, for pictures and networks of the folder that one is in:
#     docker build -t cpm .
#     docker run --rm --user "$(id -u)" --env CPM_HOME=/pictures/.cpm --volume "$PWD:/pictures" cpm \
#         predict photo.jpg --checkpoint net.npz
FROM python:3.12.12-slim-bookworm AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

# Python 3.12 is the newest for which pip installs MXNet together with the NumPy that its metadata asks for.
FROM python:3.12.12-slim-bookworm
# opencv-python, which GluonCV asks for, links libraries of a screen; MXNet links libgomp.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgl1 libglib2.0-0 libgomp1 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /wheels /wheels
RUN pip install --no-cache-dir "$(echo /wheels/*.whl)[onnx]"
RUN useradd --create-home cpm
USER cpm
WORKDIR /pictures
ENTRYPOINT ["cpm"]
CMD ["--help"]
