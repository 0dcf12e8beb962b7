"""Problems of a generated course, and answers of generated learners, with which the grades agree."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Final, NamedTuple

from analytics_data_api.loading.course_tables import CourseTable
from analytics_data_api.loading.fake_data.chance import Chance
from analytics_data_api.loading.fake_data.course import FakeCourse, load_time
from analytics_data_api.tables import models
from analytics_data_api.tables.rows import Row

PROBLEMS: Final = 25
VARIANTS: Final = (1, 2, 3, 4)

# How many percent of the learners answer a problem; how many percent of wrong answers are followed by another.
RESPONDERS_PERCENT: Final = range(4, 16)
RETRY_PERCENT: Final = 60

# By the share of right answers, in thirds.
DIFFICULTIES: Final = ("Hard", "Medium", "Easy")


class Answer(NamedTuple):
    """An answer to a part of a problem.

    Attributes:
        value_id: The id of the choice in a list; None where learners type their answer.
        text: Its text.
        numeric: Its value as a number, None for text.
        correct: Whether it is right.
        weight: How often it is given, in comparison with the part's others.
    """

    value_id: str | None
    text: str
    numeric: float | None
    correct: bool
    weight: int


class Part(NamedTuple):
    """A question and the answers that are given to it."""

    question: str
    answers: tuple[Answer, ...]


@dataclass(frozen=True)
class Problem:
    """A problem.

    Attributes:
        display_name: Its heading.
        variants: The parts that each variant has; a problem that does not vary has one variant, None.
    """

    display_name: str
    variants: dict[int | None, tuple[Part, ...]]


def choice(chance: Chance) -> Part:
    """Return a multiplication with a list of choices."""
    one, other = chance.randint(11, 39), chance.randint(11, 39)
    product = one * other
    offered = [product - 10, product, product + one, product + 100]
    chance.shuffle(offered)
    return Part(
        f"How much is {one} times {other}?",
        tuple(
            Answer(f"choice_{number}", str(value), None, value == product, 60 if value == product else 15)
            for number, value in enumerate(offered)
        ),
    )


def text_input(chance: Chance) -> Part:
    """Return a fraction to type in as a decimal number."""
    eighths, whole = chance.choice((1, 3, 5, 7)), chance.randint(2, 9)
    value = whole + eighths / 8
    typed = {str(value): 70, str(whole): 8, f"{whole}.{eighths}": 12, str(value * 10): 4}
    return Part(
        f"Write {whole} {eighths}/8 as a decimal number.",
        (
            *(Answer(None, text, float(text), float(text) == value, weight) for text, weight in typed.items()),
            Answer(None, f"{whole} {eighths}/8", None, False, 6),
        ),
    )


def yes_or_no(chance: Chance) -> Part:
    """Return a question with the choices yes and no."""
    number, divisor = chance.randint(100, 999), chance.randint(3, 9)
    right = "Yes" if number % divisor == 0 else "No"
    return Part(
        f"Is {number} divisible by {divisor}?",
        tuple(
            Answer(f"choice_{position}", text, None, text == right, 75 if text == right else 25)
            for position, text in enumerate(("Yes", "No"))
        ),
    )


def multiple_choice_problem(chance: Chance) -> Problem:
    return Problem("Multiple Choice", {None: (choice(chance),)})


def text_input_problem(chance: Chance) -> Problem:
    return Problem("Numerical Input", {None: (text_input(chance),)})


def multi_part_problem(chance: Chance) -> Problem:
    return Problem("Three Questions", {None: (choice(chance), text_input(chance), yes_or_no(chance))})


def erroneously_randomised_problem(chance: Chance) -> Problem:
    """Return a problem that is set to vary, but shows all learners the same."""
    part = choice(chance)
    return Problem("Multiple Choice, Same for All", dict.fromkeys(VARIANTS, (part,)))


def randomised_problem(chance: Chance) -> Problem:
    """Return a problem of several variants."""
    return Problem("Numerical Input, Randomised", {variant: (text_input(chance),) for variant in VARIANTS})


KINDS: Final = (
    multiple_choice_problem,
    text_input_problem,
    multi_part_problem,
    erroneously_randomised_problem,
    randomised_problem,
)


class Given(NamedTuple):
    """Where an answer was given.

    Attributes:
        part: The number of the part, from 0.
        variant: The variant that the learner saw.
        answer: The answer.
    """

    part: int
    variant: int | None
    answer: Answer


@dataclass(frozen=True)
class Responses:
    """What learners answered to a problem.

    Attributes:
        first: How many of them gave an answer first.
        last: How many of them gave an answer last.
        grades: How many of them had a grade.
    """

    first: Counter[Given]
    last: Counter[Given]
    grades: Counter[int]


def respond(problem: Problem, responders: int, chance: Chance) -> Responses:
    """Return the answers to a problem; some learners with a wrong answer to a part give a second one."""
    responses = Responses(Counter(), Counter(), Counter())
    variants = list(problem.variants)
    for _ in range(responders):
        variant = chance.choice(variants)
        grade = 0
        for number, part in enumerate(problem.variants[variant]):
            weights = [answer.weight for answer in part.answers]
            (first,) = chance.choices(part.answers, weights)
            last = first
            if not first.correct and chance.randrange(100) < RETRY_PERCENT:
                (last,) = chance.choices(part.answers, weights)
            responses.first[Given(number, variant, first)] += 1
            responses.last[Given(number, variant, last)] += 1
            grade += last.correct
        responses.grades[grade] += 1
    return responses


def problem_tables(course: FakeCourse, learners: int) -> Iterator[CourseTable]:
    """Yield the rows of the tables about problems.

    Args:
        course: The course.
        learners: How many learners it has had.
    """
    chance = course.chance("problems")
    answers: list[Row] = []
    grades: list[Row] = []
    tags: list[Row] = []
    for kind in islice(cycle(KINDS), PROBLEMS):
        problem = kind(chance)
        block = chance.block_id()
        responders = 1 + learners * chance.choice(RESPONDERS_PERCENT) // 100
        responses = respond(problem, responders, chance)
        answers.extend(answer_rows(course, problem, block, responses))
        grades.extend(grade_rows(course, problem, block, responses))
        tags.extend(tag_rows(course, problem, block, responses))
    yield CourseTable(
        models.ProblemFirstLastResponseAnswerDistribution,
        (
            "course_id",
            "module_id",
            "part_id",
            "problem_display_name",
            "question_text",
            "variant",
            "value_id",
            "answer_value_text",
            "answer_value_numeric",
            "correct",
            "first_response_count",
            "last_response_count",
            "created",
        ),
        answers,
    )
    yield CourseTable(
        models.GradeDistribution, ("course_id", "module_id", "grade", "max_grade", "count", "created"), grades
    )
    yield CourseTable(
        models.TagsDistribution,
        (
            "course_id",
            "org_id",
            "module_id",
            "tag_name",
            "tag_value",
            "total_submissions",
            "correct_submissions",
            "created",
        ),
        tags,
    )


def answer_rows(course: FakeCourse, problem: Problem, block: str, responses: Responses) -> Iterator[Row]:
    """Yield the rows of a problem's answers, by part, variant and answer; an answer that was not given has none."""
    loaded = load_time(course.days[-1], 40)
    module_id, html_id = course.usage_id("problem", block), course.html_id("problem", block)
    parts = len(next(iter(problem.variants.values())))
    for number in range(parts):
        for variant, part_of_variant in problem.variants.items():
            question, answers = part_of_variant[number]
            for answer in answers:
                given = Given(number, variant, answer)
                if given in responses.first or given in responses.last:
                    yield (
                        course.course_id,
                        module_id,
                        # The page numbers a problem's questions from 2 on, and the fields of each from 1 on.
                        f"{html_id}_{number + 2}_1",
                        problem.display_name,
                        question,
                        variant,
                        answer.value_id,
                        answer.text,
                        answer.numeric,
                        answer.correct,
                        responses.first[given],
                        responses.last[given],
                        loaded,
                    )


def grade_rows(course: FakeCourse, problem: Problem, block: str, responses: Responses) -> Iterator[Row]:
    """Yield the rows of a problem's grades, one point a part; a grade that no learner has has none."""
    loaded = load_time(course.days[-1], 45)
    max_grade = float(len(next(iter(problem.variants.values()))))
    for grade, count in sorted(responses.grades.items()):
        yield (course.course_id, course.usage_id("problem", block), float(grade), max_grade, count, loaded)


def tag_rows(course: FakeCourse, problem: Problem, block: str, responses: Responses) -> Iterator[Row]:
    """Yield the rows of a problem's tags: how hard it turned out to be, and what it is about; each part counts once."""
    parts = len(next(iter(problem.variants.values())))
    total = sum(responses.last.values()) // parts
    correct = sum(count for given, count in responses.last.items() if given.answer.correct) // parts
    difficulty = DIFFICULTIES[min(3 * correct // total if total else 0, len(DIFFICULTIES) - 1)]
    module_id, loaded = course.usage_id("problem", block), load_time(course.days[-1], 55)
    for name, value in (("difficulty", difficulty), ("learning_outcome", problem.display_name)):
        yield (course.course_id, course.org, module_id, name, value, total, correct, loaded)
