"""Pearl's tutoring model: encouragement X, homework H, exam Y, all in standard deviations.

Joe was encouraged half a deviation, did one deviation of homework and scored 1.5. What would he have scored had he
done twice the homework? His own noise follows from what he did: U_H = 1 - 0.5 * 0.5, U_Y = 1.5 - 0.7 * 0.5 - 0.4 * 1;
with H = 2 in his world the score is 0.7 * 0.5 + 0.4 * 2 + 0.75 = 1.90 (Pearl, Glymour and Jewell 2016, section 4.2.3).

    aitia query examples/programs/tutoring.py --evidence X=0.5 --evidence H=1 --evidence Y=1.5 --do H=2 --of Y
"""

import numpyro.distributions as dist

from aitia.programs import Program, noise


def X(*, U_X=noise(dist.Normal(0, 1))):
    """Encouragement."""
    return U_X


def H(X, *, U_H=noise(dist.Normal(0, 1))):
    """Homework."""
    return 0.5 * X + U_H


def Y(X, H, *, U_Y=noise(dist.Normal(0, 1))):
    """Exam score."""
    return 0.7 * X + 0.4 * H + U_Y


program = Program([X, H, Y])
JOE = {"X": 0.5, "H": 1.0, "Y": 1.5}


def answers() -> dict[str, float]:
    """What the example teaches, by name."""
    return {
        "Joe's score, had homework been 2": program.query("Y", evidence=JOE, do={"H": 2.0}).mean,
        "score of a student set to homework 2": program.query("Y", do={"H": 2.0}).mean,
        "score of a student seen with homework 2": program.query("Y", given={"H": 2.0}).mean,
    }


if __name__ == "__main__":
    for name, value in answers().items():
        print(f"{name}: {value:.3f}")
