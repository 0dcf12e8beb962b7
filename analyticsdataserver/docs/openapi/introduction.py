"""The texts about the service as a whole in its OpenAPI description."""

from typing import Final

TAG_DESCRIPTION: Final = "Reports about courses, problems and videos, and the state of the service."

# The place of the text about the formats, which the hook `describe_formats` makes of their registry.
FORMATS: Final = "{formats}"

DESCRIPTION: Final = """\
Analytics of Open edX courses: enrollment, activity, answers and grades of problems, views of videos. A data pipeline
computes the data; this service only reads them.

**Keys.** Requests carry a key in a header, `Authorization: Token <key>`, or the cookie of a browser's session. A
key may be limited to courses: addresses about others are 403 `course_not_allowed`, and lists leave the others out.

**Ids.** A course id has three parts, as in `org/course/run` or `course-v1:org+course+run`. Ids in a path can be
percent-encoded or not. The slash at the end of a path is optional.

**Formats.** {formats} A browser gets a page. `?fields=` selects fields.

**Dates.** A range includes its `start_date` and excludes its `end_date`, both in UTC. Without both, the response has
the latest day, or week, on record. Times in responses are in UTC too, and written without colons.

**Conditional requests.** Responses have an `ETag`. A request with this tag in `If-None-Match` gets 304 as long as
nothing has changed.

**Errors.** An error response is a problem document (RFC 9457), or a page for a browser. Methods that are not listed
here get 405 and the header `Allow`.
"""
