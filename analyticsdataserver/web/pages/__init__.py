"""Pages for people: the courses, a course, a problem and a video, with charts of what the endpoints return."""
