"""Rows between a store and the tables of Spark, carried by Python on workers.

The functions are what ``mapInArrow`` takes; they are sent to the workers, with the place of the store. Spark itself
reads a store in a folder that machines share, but none in object storage: that takes packages of Java which few
clusters have.
"""

import re
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from analytics_data_api.computing.places import Place

BATCH_ROWS: Final = 50_000
DAY: Final = re.compile(r"/date=([0-9-]{10})/")


@dataclass(frozen=True)
class PartReader:
    """Reads Parquet files of a store, by their numbers in a list.

    Attributes:
        place: The place of the store.
        names: The files.
        columns: The columns that are read; ``date`` is the day in the name of a file, where that has one.
    """

    place: Place
    names: tuple[str, ...]
    columns: tuple[str, ...]

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for number in batch.column(0).to_pylist():
                yield from self.rows(self.names[number])

    def rows(self, name: str) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a file, of which a row group is in memory at a time."""
        day = DAY.search(name)
        with self.place.open(name) as opened:
            # What is needed of a row group is fetched at once.
            file = pq.ParquetFile(opened, pre_buffer=True)
            columns = list(self.columns)
            for group in range(file.num_row_groups):
                for batch in file.iter_batches(BATCH_ROWS, row_groups=[group], columns=columns):
                    rows = batch.select(columns)
                    if day:
                        dates = pa.repeat(pa.scalar(date.fromisoformat(day[1]), pa.date32()), rows.num_rows)
                        rows = rows.append_column("date", dates)
                    yield rows


@dataclass(frozen=True)
class RowWriter:
    """Writes rows into a store, as one file for each task.

    The files of tasks that were killed, or ran twice, have names that are not returned.

    Attributes:
        place: The place of the store.
        into: The folder of the files.
    """

    place: Place
    into: str

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Write batches, and yield the name of their file."""
        name = f"{secrets.token_hex(16)}.parquet"
        with self.place.work_folder() as folder:
            writer: pq.ParquetWriter | None = None
            for batch in batches:
                writer = writer or pq.ParquetWriter(folder / name, batch.schema, compression="zstd")
                writer.write_batch(batch)
            if writer is None:
                return
            writer.close()
            self.place.add(folder, self.into)
        yield pa.RecordBatch.from_pydict({"name": [f"{self.into}/{name}"]})
