# syntax=docker/dockerfile:1
# Two images from one file. `web` serves pages and predictions and screens submissions, without TensorFlow; `worker` is the
# same with TensorFlow, for training and for the reference runtime. Both run as an ordinary user on a read-only root.
ARG PYTHON=3.13
ARG NODE=22

# The few browser packages, as package-lock.json pins them.
FROM node:${NODE}-slim AS front-end
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --no-audit --no-fund

# Wingcheck itself, as a wheel. The build tools come from the lock, and their dependencies are not resolved anew.
FROM python:${PYTHON}-slim AS wheel
WORKDIR /src
COPY requirements-build.lock ./
RUN pip install --no-cache-dir --require-hashes --requirement requirements-build.lock
COPY . .
COPY --from=front-end /src/node_modules node_modules
RUN python scripts/vendor.py && python -m hatchling build -t wheel -d /wheels

# What it needs, each from its lock with hashes: nothing is resolved when an image is built.
FROM python:${PYTHON}-slim AS web-packages
RUN python -m venv /opt/wingcheck
COPY requirements-web.lock ./
RUN /opt/wingcheck/bin/pip install --no-cache-dir --require-hashes --requirement requirements-web.lock
COPY --from=wheel /wheels /wheels
RUN /opt/wingcheck/bin/pip install --no-cache-dir --no-deps /wheels/*.whl \
    && /opt/wingcheck/bin/python -m compileall -q /opt/wingcheck/lib

FROM web-packages AS worker-packages
COPY requirements-worker.lock ./
RUN /opt/wingcheck/bin/pip install --no-cache-dir --require-hashes --requirement requirements-worker.lock \
    && /opt/wingcheck/bin/python -m compileall -q /opt/wingcheck/lib

FROM python:${PYTHON}-slim AS base
RUN useradd --uid 1000 --create-home wingcheck && install -d -o wingcheck -g wingcheck /var/lib/wingcheck
ENV PATH=/opt/wingcheck/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    WINGCHECK_DATA_DIR=/var/lib/wingcheck WINGCHECK_HOST=0.0.0.0 WINGCHECK_PORT=8000
WORKDIR /var/lib/wingcheck
VOLUME /var/lib/wingcheck
USER 1000

FROM base AS worker
COPY --from=worker-packages /opt/wingcheck /opt/wingcheck
CMD ["wingcheck", "worker"]

# The last one is what `docker build .` gives.
FROM base AS web
COPY --from=web-packages /opt/wingcheck /opt/wingcheck
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["wingcheck", "health"]
CMD ["wingcheck", "run"]
