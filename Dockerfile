# A worker, without its build tools and not as root:  docker build -t streamproc .

FROM python:3.12-slim AS build
WORKDIR /source
COPY pyproject.toml constraints.txt README.md LICENSE NOTICE ./
COPY streamproc ./streamproc
RUN python -m venv /opt/streamproc \
    && python -m pip wheel --no-cache-dir --no-deps --wheel-dir /wheels . \
    && /opt/streamproc/bin/pip install --no-cache-dir -c constraints.txt "$(ls /wheels/*.whl)[uvloop,postgres,redis]"

FROM python:3.12-slim
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin streamproc
COPY --from=build /opt/streamproc /opt/streamproc
ENV PATH=/opt/streamproc/bin:$PATH PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /var/empty
# Metrics and health; the settings have to open the port beyond the container: observe.metrics_host = "0.0.0.0".
EXPOSE 9464
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9464/readyz', timeout=4)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["streamproc"]
CMD ["run"]
