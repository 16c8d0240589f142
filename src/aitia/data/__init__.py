"""Any table, larger than memory: sources, column kinds, missing values, and the numbers models read.

`read` makes a `Table` of anything that holds rows; a `Design` turns chosen columns of it into blocks of numbers.
"""

from ._condition import Condition as Condition
from ._csv import Csv as Csv
from ._description import Description as Description
from ._design import Design as Design
from ._errors import ColumnNotFound as ColumnNotFound
from ._errors import ConstantColumn as ConstantColumn
from ._errors import DataError as DataError
from ._errors import DuplicateColumns as DuplicateColumns
from ._errors import EmptyData as EmptyData
from ._errors import FormulaError as FormulaError
from ._errors import KindMismatch as KindMismatch
from ._errors import MissingValues as MissingValues
from ._errors import NonFiniteValues as NonFiniteValues
from ._errors import SchemaMismatch as SchemaMismatch
from ._errors import TextInNumberColumn as TextInNumberColumn
from ._errors import TooManyLevels as TooManyLevels
from ._errors import UnknownLevel as UnknownLevel
from ._errors import UnreadableFile as UnreadableFile
from ._errors import UnsupportedColumn as UnsupportedColumn
from ._frames import Query as Query
from ._kinds import Column as Column
from ._kinds import Kind as Kind
from ._kinds import Storage as Storage
from ._missing import Missing as Missing
from ._read import read as read
from ._table import Table as Table
from ._terms import Codes as Codes
from ._terms import Numeric as Numeric
from ._terms import OneHot as OneHot
from ._terms import Predicate as Predicate
