"""The table of tags of problems."""

from collections import defaultdict
from collections.abc import Iterator
from operator import itemgetter

from analytics_data_api.tables.querysets.base import EntityQuerySet, latest_created, newest, newest_of
from analytics_data_api.tables.rows import Row, Rows


class TagsQuerySet(EntityQuerySet):
    """A row for each problem of a course, in table order: its submissions, and the values of each of its tags."""

    entity = "course_id"
    natural_key = ("course_id", "module_id", "tag_name", "tag_value")
    items = ("module_id", "total_submissions", "correct_submissions", "tags", "created")
    columns = ("module_id", "tag_name", "tag_value", "total_submissions", "correct_submissions")

    def report(self, entity_id: str) -> Rows:
        return Rows(self.items, self.by_module(entity_id))

    def by_module(self, course_id: str) -> Iterator[Row]:
        of_module: dict[str, list[Row]] = defaultdict(list)
        rows = self.read_selected(self.of_entity, (*self.columns, "created"), entity_id=course_id)
        for row in newest(itemgetter(0, 1, 2), rows):
            of_module[row[0]].append(row)
        for module_id, tagged in of_module.items():
            tags = defaultdict(set)
            for _, name, value, *_ in tagged:
                tags[name].add(value)
            # Each row has the submissions of the whole module.
            *_, total, correct, _ = newest_of(tagged)
            values = {name: sorted(values) for name, values in tags.items()}
            yield (module_id, total, correct, values, latest_created(tagged))
