# The program as docker-compose.kafka.yml runs it: exactly what uv.lock pins, and no root.

FROM python:3.11.14-slim-bookworm AS build
# The same as UV_VERSION in the Makefile.
RUN pip install --no-cache-dir uv==0.13.9
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
WORKDIR /app
# What the program needs changes seldom, so it is a layer of its own.
COPY pyproject.toml uv.lock README.md ./
RUN uv sync --frozen --no-dev --no-install-project
COPY . .
RUN uv sync --frozen --no-dev --no-editable

FROM python:3.11.14-slim-bookworm
RUN useradd --system --uid 10001 --no-create-home ofrecord \
    # What is mounted here gets this owner: the prover keeps its keys there.
    && install -d -o ofrecord -m 700 /var/lib/ofrecord
COPY --from=build /app/.venv /app/.venv
ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp
# The one folder that may be written to: its file system is read-only otherwise.
WORKDIR /tmp
USER ofrecord
ENTRYPOINT ["ofrecord"]
CMD ["--help"]
