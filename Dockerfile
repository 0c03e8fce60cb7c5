# The demo in a container: docker build -t fapilog-otel . && docker run --rm fapilog-otel
# To send to a collector: docker run --rm --network host fapilog-otel send hello --endpoint http://localhost:4318

FROM python:3.13-slim AS build
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY fapilog_otel fapilog_otel
COPY exporters exporters
RUN python -m venv /venv && /venv/bin/python -m pip install --no-cache-dir '.[isal]'

FROM python:3.13-slim
COPY --from=build /venv /venv
RUN useradd --create-home logger
USER logger
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1
ENTRYPOINT ["fapilog-otel"]
CMD ["demo"]
