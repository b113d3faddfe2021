"""Writes docs/judge.svg: what `clean` compares, on blood values with planted errors."""

from pathlib import Path

import numpy as np
from sklearn.datasets import load_diabetes

from mithridate.defenses import TargetErrors

WIDTH, HEIGHT, LEFT, TOP, SIDE, TALL = 720, 420, 60, 46, 640, 310
HONEST, WRONG, BAND = "#7a8594", "#c2410c", "#3b82f6"


def planted():
    """LDL and the other blood values of 442 people, one LDL in 20 wrong; and which are wrong.

    Half of them are divided by ten, half moved by .5 to 3 standard deviations either way.
    """
    table = load_diabetes(scaled=False)
    blood, name = table.data[:, 4:], table.feature_names[4:].index("s2")
    X, y = np.delete(blood, name, axis=1), blood[:, name]
    rng = np.random.default_rng(0)
    rows = rng.choice(len(y), len(y) // 20, replace=False)
    slips, moved = np.array_split(rows, 2)
    wrong = y.copy()
    wrong[slips] /= 10.0
    wrong[moved] += rng.choice([-1, 1], len(moved)) * rng.uniform(0.5, 3, len(moved)) * y.std()
    return X, wrong, wrong != y


def figure() -> str:
    """The figure as SVG."""
    X, y, bad = planted()
    defense = TargetErrors().fit(X, y)
    rejected = ~defense.inlier_mask_
    low, high = float(y.min()) - 15.0, float(y.max()) + 15.0
    at = np.array([defense.expected_.min() - 5.0, defense.expected_.max() + 5.0])

    def across(value):
        return LEFT + SIDE * (value - at[0]) / np.ptp(at)

    def up(value):
        return TOP + TALL * (high - value) / (high - low)

    order = np.argsort(defense.expected_)
    ends = zip((defense.expected_low_, defense.expected_high_), (order, order[::-1]), strict=True)
    band = " ".join(
        f"{across(defense.expected_[i]):.1f},{up(end[i]):.1f}" for end, way in ends for i in way
    )
    parts = [f'<polygon points="{band}" fill="{BAND}" fill-opacity=".15"/>']
    for i in np.argsort(bad, kind="stable"):
        place = f'cx="{across(defense.expected_[i]):.1f}" cy="{up(y[i]):.1f}"'
        color = WRONG if bad[i] else HONEST
        fill = color if rejected[i] or not bad[i] else "none"
        parts.append(f'<circle {place} r="3.2" fill="{fill}" stroke="{color}"/>')
        if rejected[i]:
            parts.append(f'<circle {place} r="6.5" fill="none" stroke="{WRONG}"/>')
    counts = int((rejected & bad).sum()), int((bad & ~rejected).sum()), int((rejected & ~bad).sum())
    return framed(parts, counts, across, up, at, (low, high))


def framed(parts, counts, across, up, at, ends) -> str:
    """The points with axes and a title that counts them."""
    title = (
        f"{counts[0]} wrong rows rejected (ringed), {counts[1]} wrong rows kept (open), "
        f"{counts[2]} honest rows rejected"
    )
    lines = []
    for value in range(0, int(ends[1]) + 1, 100):
        y = up(value)
        lines.append(f'<line x1="{LEFT}" x2="{LEFT + SIDE}" y1="{y:.1f}" y2="{y:.1f}"/>')
        lines.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{value}</text>')
    for value in range(int(-(-at[0] // 50)) * 50, int(at[1]) + 1, 50):
        where = f'x="{across(value):.1f}" y="{TOP + TALL + 18}"'
        lines.append(f'<text {where} text-anchor="middle">{value}</text>')
    middle = TOP + TALL // 2
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
            'font-family="system-ui, sans-serif" font-size="12">',
            f"<title>{title}</title>",
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
            f'<text x="{LEFT}" y="26" font-size="14">{title}</text>',
            '<g stroke="#e5e7eb" fill="#374151" stroke-width="1">',
            *(line.replace("<text ", '<text stroke="none" ') for line in lines),
            "</g>",
            *parts,
            f'<text x="{LEFT + SIDE // 2}" y="{HEIGHT - 16}" text-anchor="middle">'
            "what the other rows say of LDL; the band holds 95 % of honest values</text>",
            f'<text transform="translate(18 {middle}) rotate(-90)" text-anchor="middle">'
            "LDL as the table has it (mg/dl)</text>",
            "</svg>",
            "",
        ]
    )


if __name__ == "__main__":
    Path(__file__).with_name("judge.svg").write_text(figure(), encoding="utf-8")
