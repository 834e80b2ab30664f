"""What every group of settings is made of."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Port = Annotated[int, Field(ge=1, le=65535)]
Positive = Annotated[float, Field(gt=0)]


class Group(BaseModel):
    """A group; each field has a line that says what it is for, and its unit in its name."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)
