"""One line of a file of measurements, as a reading."""


def reading(line: str) -> dict[str, object]:
    """`station,celsius`.

    Raises:
        ValueError: it is not that.
    """
    station, celsius = (part.strip() for part in line.split(","))
    return {"station": station, "celsius": float(celsius)}
