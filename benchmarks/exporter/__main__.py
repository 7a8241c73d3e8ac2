"""The exporter beside node_exporter: `./run bench exporter`."""

from benchmarks.exporter.cost import main

if __name__ == "__main__":
    main()
