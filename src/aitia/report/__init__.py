"""What a person sees: tables for a terminal, figures, and one self-contained HTML file."""

from ._atomic import CannotWrite as CannotWrite
from ._atomic import write_text as write_text
from ._discovery_page import discovery_page as discovery_page
from ._discovery_page import write_discovery_report as write_discovery_report
from ._discovery_terminal import discovery_table as discovery_table
from ._findings import Findings as Findings
from ._findings import estimate_to_dict as estimate_to_dict
from ._findings import identification_to_dict as identification_to_dict
from ._findings import refutation_to_dict as refutation_to_dict
from ._graph_check import GraphCheck as GraphCheck
from ._graph_check import TestedIndependence as TestedIndependence
from ._graph_check import graph_check as graph_check
from ._html import html_page as html_page
from ._html import html_summary as html_summary
from ._html import write_report as write_report
from ._json import plain as plain
from ._ledger import ledger_of as ledger_of
from ._terminal import console as console
from ._terminal import examples_table as examples_table
from ._terminal import graph_check_table as graph_check_table
from ._terminal import identification_table as identification_table
from ._terminal import known_answers as known_answers
from ._terminal import terminal as terminal
from ._words import answer_sentence as answer_sentence
from ._words import question_sentence as question_sentence
