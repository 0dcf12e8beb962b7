"""Index the courses of two tables, so that lists of courses need not read them from end to end."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("v0", "0004_video_by_id"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="gradedistribution",
            index=models.Index(fields=["course_id"], name="grade_course"),
        ),
        migrations.AddIndex(
            model_name="sequentialopendistribution",
            index=models.Index(fields=["course_id"], name="sequential_course"),
        ),
    ]
