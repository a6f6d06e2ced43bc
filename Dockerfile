# Two images from one file. `web` serves pages and predictions and screens submissions, without TensorFlow; `worker` is the
# same with TensorFlow, for training and for the reference runtime. Both run as an ordinary user on a read-only root.
#
# BASE_IMAGE is any Debian or Ubuntu with `python` 3.11 to 3.13 and its venv module. `make pin` writes its digest here.
# A builder behind a package index or an authority of its own passes the secrets pip, npm and ca (scripts/try_images.py does).
ARG BASE_IMAGE=python:3.13-slim

FROM ${BASE_IMAGE} AS tools
# Apart from the base image's own packages, which Debian lets nobody change.
RUN python -m venv /opt/build
ENV PATH=/opt/build/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_REQUIRE_HASHES=1
WORKDIR /src

# Wingcheck itself, as a wheel: with npm's packages as package-lock.json pins them, built by the tools of the lock.
FROM tools AS wheel
COPY requirements-build.lock requirements-node.lock ./
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=secret,id=ca \
    pip install --requirement requirements-build.lock --requirement requirements-node.lock
COPY package.json package-lock.json .npmrc ./
RUN --mount=type=secret,id=npm,target=/root/.npmrc --mount=type=secret,id=ca \
    npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN python scripts/vendor.py && python -m hatchling build -t wheel -d /wheels

# What it needs, each from its lock with hashes: nothing is resolved when an image is built.
FROM tools AS web-packages
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends binutils
RUN python -m venv --without-pip /opt/wingcheck
COPY requirements-web.lock scripts/shrink_packages.py ./
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=secret,id=ca \
    pip --python /opt/wingcheck/bin/python install --no-compile --requirement requirements-web.lock \
    && python shrink_packages.py /opt/wingcheck

FROM web-packages AS worker-packages
COPY requirements-worker.lock ./
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=secret,id=ca \
    pip --python /opt/wingcheck/bin/python install --no-compile --requirement requirements-worker.lock \
    && python shrink_packages.py /opt/wingcheck

# With bytecode of what is imported, and of nothing else: it can't be kept later, on a read-only root.
FROM web-packages AS web-files
COPY --from=wheel /wheels /wheels
RUN PIP_REQUIRE_HASHES=0 pip --python /opt/wingcheck/bin/python install --no-compile --no-index --no-deps /wheels/*.whl \
    && python shrink_packages.py /opt/wingcheck --without-tensorflow \
    && /opt/wingcheck/bin/python -c "import app.cli, app.main, app.worker"

FROM worker-packages AS worker-files
COPY --from=wheel /wheels /wheels
RUN PIP_REQUIRE_HASHES=0 pip --python /opt/wingcheck/bin/python install --no-compile --no-index --no-deps /wheels/*.whl \
    && /opt/wingcheck/bin/python -c "import app.cli, app.main, app.worker, tensorflow, keras, ml.training"

FROM ${BASE_IMAGE} AS base
RUN useradd --uid 1000 --create-home wingcheck && install -d -o wingcheck -g wingcheck /var/lib/wingcheck
ENV PATH=/opt/wingcheck/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    MPLCONFIGDIR=/tmp/matplotlib WINGCHECK_DATA_DIR=/var/lib/wingcheck WINGCHECK_HOST=0.0.0.0 WINGCHECK_PORT=8000
WORKDIR /var/lib/wingcheck
VOLUME /var/lib/wingcheck
USER 1000

FROM base AS worker
COPY --from=worker-files /opt/wingcheck /opt/wingcheck
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s CMD ["wingcheck", "health", "--worker"]
CMD ["wingcheck", "worker"]

# The last one is what `docker build .` gives.
FROM base AS web
COPY --from=web-files /opt/wingcheck /opt/wingcheck
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s CMD ["wingcheck", "health"]
CMD ["wingcheck", "run"]
