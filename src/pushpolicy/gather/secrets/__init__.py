"""No secret may be stored: what counts as one, how it may be spelt, and the search for it.

A secret is a variable whose name says so (`names`), and what shows itself to be one in the value of any
variable, in git's remote or on a command line (`within`). `search` puts them together with the credentials in
use, and looks for them in all that is about to be stored.
"""
