"""Viewings of videos, by segment of five seconds.

A viewing is kept as the interval of its segments. The views of a segment are the intervals begun less those ended
before it; its users are counted the same way, over the intervals of each user joined where they overlap. No row is made
for each viewing and segment.
"""

from typing import Final

import ibis
import ibis.expr.types as ir

from analytics_data_api.computing import store
from analytics_data_api.computing.tables.rules import (
    LARGEST_INTEGER,
    LONGEST_KEY,
    Computed,
    Engine,
    counted,
    events,
    fits_integer,
    flag,
    kept,
    numbers,
    reason,
)

SEGMENT: Final = 5
# The last second that a position has.
LAST_POSITION: Final = 36_000
# A segment behind which the users are less than a twentieth is the last of a video of which the duration is not known.
STAYING_USERS: Final = 20
SHORTEST_VIEWING: Final = 0.25
# Seconds that a viewing may end behind the video's end.
TOLERANCE: Final = 1
VIDEO: Final = ("course_id", "video_id")
USER: Final = ("course_id", "video_id", "user_id")


def segment(position: ir.FloatingValue) -> ir.IntegerValue:
    """Return the segment of a position of a video; positions are not negative."""
    second = position.floor().cast("int64")
    return (second - second % SEGMENT) // SEGMENT


def viewings(engine: Engine) -> tuple[ir.Table, ir.Table]:
    """Return the viewings that are kept, and what was dropped.

    Columns: course_id, video_id, user_id, first and last (segments), duration. Events of the same time are in the order
    of type and position, then of old_position and duration.
    """
    found = events(store.VIDEO)
    found = found.mutate(duration=found.duration.nullif(0)).distinct()
    unfit = found.course_id.length() + found.video_id.length() >= LONGEST_KEY
    found = found.mutate(
        reason=reason(
            (found.video_id.isnull() | (found.video_id == ""), "event without a video id"),
            (unfit, "course and video id together longer than 255 characters"),
            (found.duration.notnull() & ~fits_integer(found.duration), "play with a duration that no column holds"),
        )
    )
    found = engine.save("video_events", found)
    known = kept(found)
    order = ("time", "type", "position", known.old_position.fill_null(-1), known.duration.fill_null(-1))
    in_order = ibis.window(group_by=USER, order_by=order)
    known = known.mutate(
        next_type=known.type.lead().over(in_order),
        next_position=known.position.lead().over(in_order),
        end=ibis.ifelse(known.type == "seek", known.old_position, known.position).lead().over(in_order),
        place=ibis.row_number().over(in_order),
    )
    plays = known.filter(known.type == "play")
    by_play = ibis.window(group_by=USER, order_by="place")
    after_seek = plays.next_type.lag().over(by_play) == "seek"
    plays = plays.select(
        *USER,
        "end",
        "next_type",
        "duration",
        start=ibis.ifelse(after_seek, plays.next_position.lag().over(by_play), plays.position),
    )
    plays = plays.mutate(
        reason=reason(
            (plays.next_type.isnull(), "play without a next event"),
            (plays.next_type == "play", "play followed by another play"),
            (plays.end > plays.duration + TOLERANCE, "viewing that ends behind the video's end"),
            (plays.end < plays.start, "viewing that ends before its start"),
            (plays.end - plays.start < SHORTEST_VIEWING, "viewing shorter than 0.25 s"),
        )
    )
    plays = engine.save("viewings", plays)
    whole = kept(plays)
    whole = whole.select(*USER, "duration", first=segment(whole.start), last=segment(whole.end))
    return whole, ibis.union(counted(found), counted(plays))


def edges(intervals: ir.Table, views: int, users: int) -> ir.Table:
    """Return by how much each interval of segments changes the views and users where it begins and behind its end."""
    views_more, users_more = ibis.literal(views, "int64"), ibis.literal(users, "int64")
    begin = intervals.select(*VIDEO, segment=intervals.first, views=views_more, users=users_more)
    end = intervals.select(*VIDEO, segment=intervals.last + 1, views=-views_more, users=-users_more)
    return begin.union(end)


def summed(rows: ir.Table) -> ir.Table:
    return rows.group_by(*VIDEO, "segment").agg(
        views=rows.views.sum().cast("int64"), users=rows.users.sum().cast("int64")
    )


def watched(engine: Engine, whole: ir.Table) -> ir.Table:
    """Return the views and users of each segment that was watched: course_id, video_id, segment, views, users."""
    before = ibis.window(group_by=USER, order_by=("first", "last"), preceding=(None, 1))
    # Distinct, since rows that are equal have no order.
    apart = whole.select(*USER, "first", "last").distinct()
    apart = apart.mutate(latest=apart["last"].max().over(before))
    so_far = ibis.window(group_by=USER, order_by=("first", "last"), preceding=None, following=0)
    apart = apart.mutate(island=flag(apart.latest.isnull() | (apart["first"] > apart.latest)).sum().over(so_far))
    joined = apart.group_by(*USER, "island").agg(first=apart["first"].min(), last=apart["last"].max())
    changed = engine.save("video_edges", summed(edges(whole, 1, 0).union(edges(joined, 0, 1))))
    longest = changed.group_by(*VIDEO).agg(end=changed.segment.max())
    every = numbers("segment", 0, LAST_POSITION // SEGMENT + 1)
    nothing = ibis.literal(0, "int64")
    grid = longest.cross_join(every).filter(lambda each: each.segment < each.end)
    rows = summed(changed.union(grid.select(*VIDEO, "segment", views=nothing, users=nothing)))
    until = ibis.window(group_by=VIDEO, order_by="segment", preceding=None, following=0)
    rows = rows.select(*VIDEO, "segment", views=rows.views.sum().over(until), users=rows.users.sum().over(until))
    return engine.save("segments", rows.filter(rows.views > 0))


def lengths(engine: Engine, whole: ir.Table, segments: ir.Table) -> ir.Table:
    """Return the duration and last segment of each video: course_id, video_id, duration, final."""
    known = whole.group_by(*VIDEO).agg(longest=whole.duration.max(), unknown=flag(whole.duration.isnull()).max())
    by_segment = ibis.window(group_by=VIDEO, order_by="segment")
    above = segments.mutate(above=segments.users.lead().over(by_segment))
    many = above.users >= STAYING_USERS * above.above
    guessed = above.group_by(*VIDEO).agg(
        staying=ibis.ifelse(many, above.segment, ibis.null("int64")).max(), highest=above.segment.max()
    )
    rows = known.inner_join(guessed, VIDEO)
    second = rows.longest.floor().cast("int64")
    final = ibis.ifelse(
        rows.unknown == 1, ibis.coalesce(rows.staying, rows.highest), (second - second % SEGMENT) // SEGMENT
    )
    rows = rows.select(*VIDEO, "unknown", second=second, final=final)
    duration = ibis.ifelse(rows.unknown == 1, (rows.final + 1) * SEGMENT - 1, rows.second)
    return engine.save("video_lengths", rows.select(*VIDEO, "final", duration=duration))


def written(engine: Engine) -> tuple[ir.Table, ir.Table]:
    """Return all watched segments, with their video's duration and total, and what was dropped.

    Those with a ``reason`` are not written.
    """
    whole, dropped = viewings(engine)
    segments = watched(engine, whole)
    rows = segments.inner_join(lengths(engine, whole, segments), VIDEO)
    inside = rows.segment <= rows.final
    # A total beyond the column takes more than 400 million views of segments.
    total = ibis.ifelse(inside, rows.views, 0).sum().over(ibis.window(group_by=VIDEO)) * SEGMENT
    rows = rows.mutate(
        total=total,
        reason=reason(
            (~inside, "segment behind the last one"),
            (total > LARGEST_INTEGER, "segment of a video with too many views"),
        ),
    )
    rows = engine.save("written_segments", rows)
    return rows, ibis.union(dropped, counted(rows))


def name(rows: ir.Table) -> ir.StringValue:
    return rows.course_id + "|" + rows.video_id


def videos(engine: Engine) -> Computed:
    """Return the videos with a viewing: duration, users at the start and the end, seconds viewed.

    One of which only segments behind the last one were watched has a row, too.
    """
    segments, dropped = written(engine)
    segments = segments.filter(segments.total <= LARGEST_INTEGER)
    duration = segments.duration
    # 0.95 of a whole number, rounded down: 19 twentieths of it.
    near_end = (duration * 19 - (duration * 19) % 20) // 20
    late = ibis.greatest(duration - 30, near_end)
    at_end = segments.segment == (late - late % SEGMENT) // SEGMENT
    rows = segments.group_by(*VIDEO, "duration", "total").agg(
        users_at_start=ibis.ifelse(segments.segment == 0, segments.users, 0).sum(),
        users_at_end=ibis.ifelse(at_end, segments.users, 0).sum(),
    )
    rows = rows.select(
        "course_id",
        "duration",
        "users_at_start",
        "users_at_end",
        pipeline_video_id=name(rows),
        encoded_module_id=rows.video_id,
        segment_length=ibis.literal(SEGMENT, "int64"),
        total_viewed_seconds=rows.total,
    )
    return Computed(rows, (dropped,))


def timeline(engine: Engine) -> Computed:
    """Return the users and views of each segment up to the last."""
    segments, dropped = written(engine)
    segments = kept(segments)
    rows = segments.select(
        "segment", pipeline_video_id=name(segments), num_users=segments.users, num_views=segments.views
    )
    return Computed(rows, (dropped,))
