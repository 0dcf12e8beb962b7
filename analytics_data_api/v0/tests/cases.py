"""A case for each endpoint: rows, the path of the request, and the bytes that the contract requires."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.core.files.base import ContentFile
from django.core.files.storage import storages

from analytics_data_api.tables.tests import factories as make
from analytics_data_api.tables.tests.factories import (
    COURSE_ID,
    CREATED,
    DAY,
    MONDAY,
    PROBLEM_ID,
    SEQUENTIAL_ID,
    VIDEO_ID,
)


@dataclass(frozen=True)
class Case:
    """What an endpoint answers to a request without parameters.

    Attributes:
        rows: Makes the rows; dated endpoints also get older ones, which must not be in the answer.
        json: The body.
        csv: The body as CSV, its lines ended by LF.
        file: The name that a CSV answer is saved under.
        dated: Whether start_date and end_date select rows.
        queries: How many queries find the version and the rows, a table's layout aside; 0 where no table is read.
        queries_before: How many of them find out which tables are read.
    """

    rows: Callable[[], None]
    json: str
    csv: str
    file: str | None = None
    dated: bool = False
    queries: int = 2
    queries_before: int = 0


EARLIER: Final = DAY - timedelta(days=1)
BEFORE: Final = CREATED - timedelta(days=1)
LATER: Final = CREATED + timedelta(seconds=1)


def activity() -> None:
    make.CourseActivityFactory(activity_type="ACTIVE", count=3013)
    make.CourseActivityFactory(activity_type="ATTEMPTED_PROBLEM", count=206, created=LATER)
    make.CourseActivityFactory(activity_type="PLAYED_VIDEO", count=1049)
    make.CourseActivityFactory(interval_start=MONDAY - timedelta(days=7), activity_type="POSTED_FORUM")


def enrollment() -> None:
    make.EnrollmentFactory(count=1892)
    make.EnrollmentFactory(date=EARLIER)


def modes() -> None:
    counts = {"audit": 5, "honor": 940, "professional": 180, "no-id-professional": 9, "verified": 756, "credit": 1}
    for mode, count in counts.items():
        make.EnrollmentModeFactory(mode=mode, count=count, cumulative_count=count + 10)
    make.EnrollmentModeFactory(mode="masters", count=2, cumulative_count=3, created=LATER)
    make.EnrollmentModeFactory(date=EARLIER)


def birth_years() -> None:
    make.EnrollmentBirthYearFactory(birth_year=1961, count=58)
    make.EnrollmentBirthYearFactory(birth_year=None, count=3)
    make.EnrollmentBirthYearFactory(birth_year=1960, count=11)
    make.EnrollmentBirthYearFactory(date=EARLIER)


def education_levels() -> None:
    make.EnrollmentEducationFactory(education_level="doctorate", count=88)
    make.EnrollmentEducationFactory(education_level="bachelors", count=634)
    make.EnrollmentEducationFactory(education_level=None, count=7)
    make.EnrollmentEducationFactory(date=EARLIER)


def genders() -> None:
    make.EnrollmentGenderFactory(gender="m", count=1155)
    make.EnrollmentGenderFactory(gender="f", count=732, created=LATER)
    make.EnrollmentGenderFactory(gender=None, count=30)
    make.EnrollmentGenderFactory(gender="x", count=4)
    make.EnrollmentGenderFactory(date=EARLIER, gender="o")


def countries() -> None:
    make.EnrollmentLocationFactory(country_code="CN", count=416)
    make.EnrollmentLocationFactory(country_code="CA", count=264)
    for code in (None, "", "UNKNOWN", "A1", "A2", "AP", "EU", "O1"):
        make.EnrollmentLocationFactory(country_code=code, count=2)
    make.EnrollmentLocationFactory(country_code="ca", count=1, created=LATER)
    make.EnrollmentLocationFactory(date=EARLIER)


def videos() -> None:
    make.VideoFactory(encoded_module_id="v2", duration=66, users_at_start=1044, users_at_end=0)
    make.VideoFactory(encoded_module_id="v1", duration=None)
    make.VideoFactory(course_id="edX/DemoX/Other")


def problems() -> None:
    make.AnswerFactory(module_id="m/2", part_id="p2_2_1", correct=True, last_response_count=5, created=LATER)
    make.AnswerFactory(module_id="m/2", part_id="p2_3_1", correct=False, last_response_count=6)
    make.AnswerFactory(module_id="m/1", part_id="p1_2_1", correct=True, last_response_count=100)
    make.AnswerFactory(module_id="m/1", part_id="p1_2_1", correct=False, last_response_count=200)
    make.AnswerFactory(course_id="edX/DemoX/Other")


def grades() -> None:
    make.GradeFactory(grade=2.0, max_grade=2.0, count=256)
    make.GradeFactory(grade=0.75, max_grade=2.0, count=4)
    make.GradeFactory(grade=1.0, max_grade=2.0, count=5)
    make.GradeFactory(grade=None, max_grade=None, count=1)
    make.GradeFactory(module_id="i4x://edX/DemoX/Demo_Course/problem/other")


def answers() -> None:
    make.AnswerFactory(
        part_id="p_2_1",
        value_id="choice_1",
        answer_value_text="Indonesia",
        correct=True,
        first_response_count=12,
        last_response_count=15,
    )
    make.AnswerFactory(
        part_id="p_1_1",
        value_id=None,
        answer_value_text="3.5",
        answer_value_numeric=3.5,
        variant=1,
        first_response_count=8,
        last_response_count=9,
    )
    make.AnswerFactory(module_id="i4x://edX/DemoX/Demo_Course/problem/other")


def sequentials() -> None:
    make.SequentialFactory(count=23)
    make.SequentialFactory(module_id="i4x://edX/DemoX/Demo_Course/sequential/other")


def timeline() -> None:
    make.TimelineFactory(segment=2, num_users=438, num_views=493)
    make.TimelineFactory(segment=0, num_users=472, num_views=539)
    make.TimelineFactory(pipeline_video_id=VIDEO_ID + "x")


def summaries() -> None:
    texts = {"catalog_course_title": None, "start_time": None, "availability": "Starting Soon"}
    make.SummaryFactory(enrollment_mode="audit", count=5, cumulative_count=9, created=LATER)
    make.SummaryFactory(enrollment_mode="no-id-professional", count=None, cumulative_count=None, passing_users=None)
    make.SummaryFactory(enrollment_mode="professional", count=7, cumulative_count=8, count_change_7_days=-2)
    make.SummaryFactory(enrollment_mode="scholarship", count=1, cumulative_count=1, created=BEFORE)
    make.SummaryFactory(course_id="course-v1:edX+DemoX+2015", enrollment_mode="verified", count=2, **texts)


def programs() -> None:
    make.ProgramFactory(course_id="edX/DemoX/Run2", program_id="b", program_title=None)
    make.ProgramFactory(course_id="edX/DemoX/Run1", program_id="b", program_title="Newer", created=LATER)
    make.ProgramFactory(program_id="a", program_type="XSeries")


def tags() -> None:
    make.TagsFactory(module_id="m/2", tag_value="Hard", total_submissions=11, correct_submissions=4, created=LATER)
    make.TagsFactory(module_id="m/1", tag_name="skill", total_submissions=2, correct_submissions=2)
    make.TagsFactory(module_id="m/2", tag_value="Easy", total_submissions=11, correct_submissions=4)
    make.TagsFactory(course_id="edX/DemoX/Other")


def report_file() -> None:
    storages["reports"].delete("edX_DemoX_Demo_Course_problem_response.csv")
    storages["reports"].save("edX_DemoX_Demo_Course_problem_response.csv", ContentFile(b"id,answer\r\n"))


NO_MODE: Final = '{"count":0,"cumulative_count":0,"count_change_7_days":0,"passing_users":0}'

CASES: Final = {
    "courses/{course_id}/activity": Case(
        activity,
        '[{"interval_start":"2014-12-08T000000","interval_end":"2014-12-15T000000","course_id":"edX/DemoX/Demo_Course",'
        '"any":3013,"attempted_problem":206,"played_video":1049,"created":"2014-12-10T193147"}]',
        "any,attempted_problem,course_id,created,interval_end,interval_start,played_video,posted_forum\n"
        "3013,206,edX/DemoX/Demo_Course,2014-12-10T193147,2014-12-15T000000,2014-12-08T000000,1049,\n",
        "edX-DemoX-Demo_Course--engagement-activity.csv",
        dated=True,
    ),
    "courses/{course_id}/recent_activity": Case(
        activity,
        '{"interval_start":"2014-12-08T00:00:00Z","interval_end":"2014-12-15T00:00:00Z","activity_type":"any",'
        '"count":3013,"course_id":"edX/DemoX/Demo_Course"}',
        "activity_type,count,course_id,interval_end,interval_start\n"
        "any,3013,edX/DemoX/Demo_Course,2014-12-15T00:00:00Z,2014-12-08T00:00:00Z\n",
    ),
    "courses/{course_id}/enrollment": Case(
        enrollment,
        '[{"course_id":"edX/DemoX/Demo_Course","date":"2014-12-10","count":1892,"created":"2014-12-10T193146"}]',
        "count,course_id,created,date\n1892,edX/DemoX/Demo_Course,2014-12-10T193146,2014-12-10\n",
        "edX-DemoX-Demo_Course--enrollment.csv",
        dated=True,
    ),
    "courses/{course_id}/enrollment/mode": Case(
        modes,
        '[{"course_id":"edX/DemoX/Demo_Course","date":"2014-12-10","count":1893,"cumulative_count":1954,'
        '"created":"2014-12-10T193147","honor":945,"professional":189,"verified":756}]',
        "count,course_id,created,cumulative_count,date,honor,professional,verified\n"
        "1893,edX/DemoX/Demo_Course,2014-12-10T193147,1954,2014-12-10,945,189,756\n",
        "edX-DemoX-Demo_Course--enrollment_mode.csv",
        dated=True,
    ),
    "courses/{course_id}/enrollment/birth_year": Case(
        birth_years,
        '[{"course_id":"edX/DemoX/Demo_Course","date":"2014-12-10","birth_year":null,"count":3,'
        '"created":"2014-12-10T193146"},'
        '{"course_id":"edX/DemoX/Demo_Course","date":"2014-12-10","birth_year":1960,"count":11,'
        '"created":"2014-12-10T193146"},'
        '{"course_id":"edX/DemoX/Demo_Course","date":"2014-12-10","birth_year":1961,"count":58,'
        '"created":"2014-12-10T193146"}]',
        "birth_year,count,course_id,created,date\n"
        ",3,edX/DemoX/Demo_Course,2014-12-10T193146,2014-12-10\n"
        "1960,11,edX/DemoX/Demo_Course,2014-12-10T193146,2014-12-10\n"
        "1961,58,edX/DemoX/Demo_Course,2014-12-10T193146,2014-12-10\n",
        "edX-DemoX-Demo_Course--enrollment-age.csv",
        dated=True,
    ),
    "courses/{course_id}/enrollment/education": Case(
        education_levels,
        '[{"course_id":"edX/DemoX/Demo_Course","date":"2014-12-10","education_level":null,"count":7,'
        '"created":"2014-12-10T193146"},'
        '{"course_id":"edX/DemoX/Demo_Course","date":"2014-12-10","education_level":"bachelors","count":634,'
        '"created":"2014-12-10T193146"},'
        '{"course_id":"edX/DemoX/Demo_Course","date":"2014-12-10","education_level":"doctorate","count":88,'
        '"created":"2014-12-10T193146"}]',
        "count,course_id,created,date,education_level\n"
        "7,edX/DemoX/Demo_Course,2014-12-10T193146,2014-12-10,\n"
        "634,edX/DemoX/Demo_Course,2014-12-10T193146,2014-12-10,bachelors\n"
        "88,edX/DemoX/Demo_Course,2014-12-10T193146,2014-12-10,doctorate\n",
        "edX-DemoX-Demo_Course--enrollment-education.csv",
        dated=True,
    ),
    "courses/{course_id}/enrollment/gender": Case(
        genders,
        '[{"course_id":"edX/DemoX/Demo_Course","date":"2014-12-10","female":732,"male":1155,"other":0,"unknown":34,'
        '"created":"2014-12-10T193147"}]',
        "course_id,created,date,female,male,other,unknown\n"
        "edX/DemoX/Demo_Course,2014-12-10T193147,2014-12-10,732,1155,0,34\n",
        "edX-DemoX-Demo_Course--enrollment-gender.csv",
        dated=True,
    ),
    "courses/{course_id}/enrollment/location": Case(
        countries,
        '[{"date":"2014-12-10","course_id":"edX/DemoX/Demo_Course",'
        '"country":{"alpha2":null,"alpha3":null,"name":"UNKNOWN"},"count":17,"created":"2014-12-10T193147"},'
        '{"date":"2014-12-10","course_id":"edX/DemoX/Demo_Course",'
        '"country":{"alpha2":"CA","alpha3":"CAN","name":"Canada"},"count":264,"created":"2014-12-10T193146"},'
        '{"date":"2014-12-10","course_id":"edX/DemoX/Demo_Course",'
        '"country":{"alpha2":"CN","alpha3":"CHN","name":"China"},"count":416,"created":"2014-12-10T193146"}]',
        "count,country.alpha2,country.alpha3,country.name,course_id,created,date\n"
        "17,,,UNKNOWN,edX/DemoX/Demo_Course,2014-12-10T193147,2014-12-10\n"
        "264,CA,CAN,Canada,edX/DemoX/Demo_Course,2014-12-10T193146,2014-12-10\n"
        "416,CN,CHN,China,edX/DemoX/Demo_Course,2014-12-10T193146,2014-12-10\n",
        "edX-DemoX-Demo_Course--enrollment-location.csv",
        dated=True,
    ),
    "courses/{course_id}/videos": Case(
        videos,
        '[{"pipeline_video_id":"edX/DemoX/Demo_Course|v2","encoded_module_id":"v2","duration":66,"segment_length":5,'
        '"users_at_start":1044,"users_at_end":0,"created":"2014-12-10T193146"},'
        '{"pipeline_video_id":"edX/DemoX/Demo_Course|v1","encoded_module_id":"v1","duration":null,"segment_length":5,'
        '"users_at_start":2,"users_at_end":0,"created":"2014-12-10T193146"}]',
        "created,duration,encoded_module_id,pipeline_video_id,segment_length,users_at_end,users_at_start\n"
        "2014-12-10T193146,66,v2,edX/DemoX/Demo_Course|v2,5,0,1044\n"
        "2014-12-10T193146,,v1,edX/DemoX/Demo_Course|v1,5,0,2\n",
        "edX-DemoX-Demo_Course--videos.csv",
    ),
    "courses/{course_id}/problems": Case(
        problems,
        '[{"module_id":"m/1","total_submissions":300,"correct_submissions":100,"part_ids":["p1_2_1"],'
        '"created":"2014-12-10T193146"},'
        '{"module_id":"m/2","total_submissions":5,"correct_submissions":2,"part_ids":["p2_2_1","p2_3_1"],'
        '"created":"2014-12-10T193147"}]',
        "correct_submissions,created,module_id,part_ids,total_submissions\n"
        "100,2014-12-10T193146,m/1,p1_2_1,300\n"
        '2,2014-12-10T193147,m/2,"p2_2_1, p2_3_1",5\n',
        "edX-DemoX-Demo_Course--problems.csv",
    ),
    "courses/{course_id}/problems_and_tags": Case(
        tags,
        '[{"module_id":"m/2","total_submissions":11,"correct_submissions":4,"tags":{"difficulty":["Easy","Hard"]},'
        '"created":"2014-12-10T193147"},'
        '{"module_id":"m/1","total_submissions":2,"correct_submissions":2,"tags":{"skill":["Easy"]},'
        '"created":"2014-12-10T193146"}]',
        "correct_submissions,created,module_id,tags,total_submissions\n"
        '4,2014-12-10T193147,m/2,"{""difficulty"":[""Easy"",""Hard""]}",11\n'
        '2,2014-12-10T193146,m/1,"{""skill"":[""Easy""]}",2\n',
        "edX-DemoX-Demo_Course--problems_and_tags.csv",
    ),
    "courses/{course_id}/reports/{report_name}": Case(
        report_file,
        '{"course_id":"edX_DemoX_Demo_Course","report_name":"problem_response","download_url":'
        '"https://files.example.com/edX_DemoX_Demo_Course_problem_response.csv?signature=0123abcd",'
        '"last_modified":"2014-12-10T193146","file_size":11}',
        "course_id,download_url,expiration_date,file_size,last_modified,report_name\n"
        "edX_DemoX_Demo_Course,https://files.example.com/edX_DemoX_Demo_Course_problem_response.csv?signature=0123abcd,"
        ",11,2014-12-10T193146,problem_response\n",
        queries=0,
    ),
    "problems/{problem_id}/grade_distribution": Case(
        grades,
        '[{"module_id":"i4x://edX/DemoX/Demo_Course/problem/p1","course_id":"edX/DemoX/Demo_Course","grade":null,'
        '"max_grade":null,"count":1,"created":"2014-12-10T193146"},'
        '{"module_id":"i4x://edX/DemoX/Demo_Course/problem/p1","course_id":"edX/DemoX/Demo_Course","grade":0.75,'
        '"max_grade":2,"count":4,"created":"2014-12-10T193146"},'
        '{"module_id":"i4x://edX/DemoX/Demo_Course/problem/p1","course_id":"edX/DemoX/Demo_Course","grade":1,'
        '"max_grade":2,"count":5,"created":"2014-12-10T193146"},'
        '{"module_id":"i4x://edX/DemoX/Demo_Course/problem/p1","course_id":"edX/DemoX/Demo_Course","grade":2,'
        '"max_grade":2,"count":256,"created":"2014-12-10T193146"}]',
        "count,course_id,created,grade,max_grade,module_id\n"
        "1,edX/DemoX/Demo_Course,2014-12-10T193146,,,i4x://edX/DemoX/Demo_Course/problem/p1\n"
        "4,edX/DemoX/Demo_Course,2014-12-10T193146,0.75,2,i4x://edX/DemoX/Demo_Course/problem/p1\n"
        "5,edX/DemoX/Demo_Course,2014-12-10T193146,1,2,i4x://edX/DemoX/Demo_Course/problem/p1\n"
        "256,edX/DemoX/Demo_Course,2014-12-10T193146,2,2,i4x://edX/DemoX/Demo_Course/problem/p1\n",
    ),
    "problems/{problem_id}/answer_distribution": Case(
        answers,
        '[{"course_id":"edX/DemoX/Demo_Course","module_id":"i4x://edX/DemoX/Demo_Course/problem/p1",'
        '"part_id":"p_1_1","correct":false,"count":9,"value_id":null,"answer_value":"3.5","answer_value_text":"3.5",'
        '"answer_value_numeric":3.5,"problem_display_name":"Multiple Choice","question_text":"Which one?","variant":1,'
        '"created":"2014-12-10T193146","consolidated_variant":false,"first_response_count":8,'
        '"last_response_count":9},'
        '{"course_id":"edX/DemoX/Demo_Course","module_id":"i4x://edX/DemoX/Demo_Course/problem/p1",'
        '"part_id":"p_2_1","correct":true,"count":15,"value_id":"choice_1","answer_value":"Indonesia",'
        '"answer_value_text":"Indonesia","answer_value_numeric":null,"problem_display_name":"Multiple Choice",'
        '"question_text":"Which one?","variant":null,"created":"2014-12-10T193146","consolidated_variant":false,'
        '"first_response_count":12,"last_response_count":15}]',
        "answer_value,answer_value_numeric,answer_value_text,consolidated_variant,correct,count,course_id,created,"
        "first_response_count,last_response_count,module_id,part_id,problem_display_name,question_text,value_id,variant"
        "\n"
        "3.5,3.5,3.5,False,False,9,edX/DemoX/Demo_Course,2014-12-10T193146,8,9,"
        "i4x://edX/DemoX/Demo_Course/problem/p1,p_1_1,Multiple Choice,Which one?,,1\n"
        "Indonesia,,Indonesia,False,True,15,edX/DemoX/Demo_Course,2014-12-10T193146,12,15,"
        "i4x://edX/DemoX/Demo_Course/problem/p1,p_2_1,Multiple Choice,Which one?,choice_1,\n",
    ),
    "problems/{module_id}/sequential_open_distribution": Case(
        sequentials,
        '[{"module_id":"i4x://edX/DemoX/Demo_Course/sequential/s1","course_id":"edX/DemoX/Demo_Course","count":23,'
        '"created":"2014-12-10T193146"}]',
        "count,course_id,created,module_id\n"
        "23,edX/DemoX/Demo_Course,2014-12-10T193146,i4x://edX/DemoX/Demo_Course/sequential/s1\n",
    ),
    "videos/{video_id}/timeline": Case(
        timeline,
        '[{"segment":0,"num_users":472,"num_views":539,"created":"2014-12-10T193146"},'
        '{"segment":2,"num_users":438,"num_views":493,"created":"2014-12-10T193146"}]',
        "created,num_users,num_views,segment\n2014-12-10T193146,472,539,0\n2014-12-10T193146,438,493,2\n",
    ),
    "course_summaries": Case(
        summaries,
        '[{"created":"2014-12-10T193146","course_id":"course-v1:edX+DemoX+2015","catalog_course_title":null,'
        '"catalog_course":"edX+DemoX","start_date":null,"end_date":"2015-02-01T000000",'
        '"pacing_type":"instructor_paced","availability":"Upcoming","count":2,"cumulative_count":9,'
        '"count_change_7_days":5,"recent_count_change":null,"passing_users":3,'
        f'"enrollment_modes":{{"audit":{NO_MODE},"credit":{NO_MODE},"honor":{NO_MODE},"professional":{NO_MODE},'
        '"verified":{"count":2,"cumulative_count":9,"count_change_7_days":5,"passing_users":3},'
        f'"masters":{NO_MODE}}}}},'
        '{"created":"2014-12-10T193147","course_id":"edX/DemoX/Demo_Course",'
        '"catalog_course_title":"Demonstration Course","catalog_course":"edX+DemoX","start_date":"2014-10-27T123000",'
        '"end_date":"2015-02-01T000000","pacing_type":"instructor_paced","availability":"Current","count":13,'
        '"cumulative_count":18,"count_change_7_days":13,"recent_count_change":null,"passing_users":9,'
        '"enrollment_modes":{"audit":{"count":5,"cumulative_count":9,"count_change_7_days":5,"passing_users":3},'
        f'"credit":{NO_MODE},"honor":{NO_MODE},'
        '"professional":{"count":7,"cumulative_count":8,"count_change_7_days":3,"passing_users":3},'
        f'"verified":{NO_MODE},"masters":{NO_MODE},'
        '"scholarship":{"count":1,"cumulative_count":1,"count_change_7_days":5,"passing_users":3}}}]',
        "availability,catalog_course,catalog_course_title,count,count_change_7_days,course_id,created,cumulative_count,"
        "end_date,"
        + "".join(
            f"enrollment_modes.{mode}.{count},"
            for mode in ("audit", "credit", "honor", "masters", "professional", "verified")
            for count in ("count", "count_change_7_days", "cumulative_count", "passing_users")
        )
        + "pacing_type,passing_users,recent_count_change,start_date\n"
        "Upcoming,edX+DemoX,,2,5,course-v1:edX+DemoX+2015,2014-12-10T193146,9,2015-02-01T000000,"
        "0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,2,5,9,3,instructor_paced,3,,\n"
        "Current,edX+DemoX,Demonstration Course,13,13,edX/DemoX/Demo_Course,2014-12-10T193147,18,2015-02-01T000000,"
        "5,5,9,3,0,0,0,0,0,0,0,0,0,0,0,0,7,3,8,3,0,0,0,0,instructor_paced,9,,2014-10-27T123000\n",
        "course_summaries.csv",
        queries=4,
        queries_before=1,
    ),
    "course_totals": Case(
        summaries,
        '{"count":15,"cumulative_count":27,"count_change_7_days":18,"verified_enrollment":2}',
        "count,count_change_7_days,cumulative_count,verified_enrollment\n15,18,27,2\n",
        queries=4,
        queries_before=1,
    ),
    "programs": Case(
        programs,
        '[{"program_id":"a","program_type":"XSeries","program_title":"Demonstrations",'
        '"course_ids":["edX/DemoX/Demo_Course"],"created":"2014-12-10T19:31:46Z"},'
        '{"program_id":"b","program_type":"MicroMasters","program_title":"Newer",'
        '"course_ids":["edX/DemoX/Run2","edX/DemoX/Run1"],"created":"2014-12-10T19:31:47Z"}]',
        "course_ids,created,program_id,program_title,program_type\n"
        "edX/DemoX/Demo_Course,2014-12-10T19:31:46Z,a,Demonstrations,XSeries\n"
        '"edX/DemoX/Run2, edX/DemoX/Run1",2014-12-10T19:31:47Z,b,Newer,MicroMasters\n',
        "programs.csv",
    ),
}

IDS: Final = {
    "course_id": COURSE_ID,
    "problem_id": PROBLEM_ID,
    "module_id": SEQUENTIAL_ID,
    "video_id": VIDEO_ID,
    "report_name": "problem_response",
}


def address(endpoint: str, **ids: str) -> str:
    """Return the address of an endpoint's case, or that of other ids."""
    return endpoint.format(**(IDS | ids))
