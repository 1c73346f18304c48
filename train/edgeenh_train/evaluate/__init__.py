"""How good enhanced pictures are: candidates on pictures, figures per picture, means with intervals, tables and sheets."""
