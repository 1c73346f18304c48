"""How good enhanced pictures are: figures per picture, means with intervals, tables and sheets."""
