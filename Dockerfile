# One image for the code server, the UI, the daemon and the dispatcher; docker-compose.yml says which it is.
# Not here: data, the business folder and secrets; they are mounted, or come from the environment.
FROM python:3.11-slim-bookworm

# The PDF takes its letters from DejaVu; without it, Polish and Greek product names would lose some of theirs.
RUN apt-get update \
    && apt-get install -y --no-install-recommends fonts-dejavu-core \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /opt/daybreak
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1

# The packages first: they change less often than the code.
COPY requirements.lock ./
RUN pip install --require-hashes --no-deps -r requirements.lock

COPY . .
# The forecast models are compiled here: the user who runs them may not write beside their sources.
RUN pip install --no-deps --no-build-isolation -e . \
    && python -m forecasting.kernel.warm_up \
    && useradd --system --uid 10001 --create-home --home-dir /home/daybreak daybreak \
    && install -d -o daybreak -g daybreak /var/lib/daybreak

# The code stays root's: the user who runs it cannot change it. A new named volume takes over this folder's owner.
USER daybreak
ENV DAYBREAK_HOME=/var/lib/daybreak DAGSTER_HOME=/var/lib/daybreak/dagster
VOLUME /var/lib/daybreak
CMD ["daybreak", "--help"]
