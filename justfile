# Names for the scripts; the scripts need no `just`.

# list the names
default:
    @just --list --unsorted

# serve the example site
demo *options:
    scripts/demo {{options}}

# every test
test:
    scripts/test

# the inner loop, under two minutes
unit:
    scripts/test unit

# the Python tests; the arguments go to pytest
python *arguments:
    scripts/test python {{arguments}}

# fuzz the decoders
fuzz seconds="60" target="":
    scripts/fuzz {{seconds}} {{target}}

# the rules of the house
tidy:
    cargo xtask tidy

# put every file into its form
format:
    cargo fmt --all
    .venv/bin/ruff format .
    .venv/bin/ruff check --fix .
