"""The webmaster's side: the code to paste, where the widget was seen, what is wrong on a page and what to do."""
