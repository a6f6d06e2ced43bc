# syntax=docker/dockerfile:1
# Two images: `serve` for web and worker, without TensorFlow; `train` is the same with it.
ARG PYTHON=3.13
ARG NODE=22

FROM node:${NODE}-slim AS front-end
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --no-audit --no-fund

FROM python:${PYTHON}-slim AS build
WORKDIR /src
# The lock without its hashes, as constraints: an image installs only some of what is locked.
COPY requirements.lock .
RUN sed -E -e '/^ +--hash=/d' -e 's/ *\\$//' requirements.lock >constraints.txt \
    && pip install --no-cache-dir --constraint constraints.txt hatchling
COPY . .
COPY --from=front-end /src/node_modules node_modules
RUN python scripts/vendor.py && python -m hatchling build -t wheel -d /wheels && cp constraints.txt /wheels/

FROM python:${PYTHON}-slim AS serve
RUN useradd --create-home --uid 1000 wingcheck && install -d -o wingcheck /var/lib/wingcheck
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    pip install --no-cache-dir --constraint /wheels/constraints.txt "$(echo /wheels/*.whl)[redis]"
USER 1000
WORKDIR /home/wingcheck
ENV WINGCHECK_DATA_DIR=/var/lib/wingcheck WINGCHECK_HOST=0.0.0.0 WINGCHECK_PORT=8000 PYTHONUNBUFFERED=1
VOLUME /var/lib/wingcheck
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ[\"WINGCHECK_PORT\"]}/healthz', timeout=2)"]
CMD ["wingcheck", "run"]

FROM serve AS train
USER root
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    pip install --no-cache-dir --constraint /wheels/constraints.txt "$(echo /wheels/*.whl)[train,redis]"
USER 1000

# What `docker build .` gives.
FROM serve
