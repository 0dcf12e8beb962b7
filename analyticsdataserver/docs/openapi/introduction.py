"""What the description says of the service as a whole."""

from typing import Final

TAG_DESCRIPTION: Final = "Reports about courses, problems and videos, and whether the service is well."

DESCRIPTION: Final = """\
Figures about Open edX courses: enrollment, activity, answers and grades of problems, views of videos. A data pipeline
has computed them; this service reads and never changes them.

**Keys.** Requests carry a key in a header, `Authorization: Token <key>`, or come from a browser with a session.

**Ids.** A course has three parts, as in `org/course/run` or `course-v1:org+course+run`. Ids go into a path as they are
or percent-encoded. A slash at the end of a path may be left out.

**Formats.** JSON, or CSV by the suffix `.csv`, `?format=csv` or `Accept: text/csv`; a browser gets a page. `?fields=`
selects.

**Dates.** A range takes in its `start_date` and leaves out its `end_date`, both UTC. Without either, the answer is
about the latest day, or week, on record. Times in answers are UTC, too, and written without colons.

**Asking again.** Answers carry an `ETag`. Sent back in `If-None-Match`, it gets 304 as long as nothing has changed.

**Errors.** The response to a request that cannot be served is a problem document (RFC 9457), or a page for a browser.
Methods other than those listed here get 405 and the header `Allow`.
"""
