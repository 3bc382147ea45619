"""FastAPI, SQLAlchemy and fastapi-pagination's limit and offset, which counts for each page."""

import sys
from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Query
from fastapi_pagination import add_pagination
from fastapi_pagination.customization import CustomizedPage, UseParamsFields
from fastapi_pagination.ext.sqlalchemy import paginate
from fastapi_pagination.limit_offset import LimitOffsetPage
from pydantic import BaseModel, ConfigDict
from sqlalchemy import create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from bench.data import ACCOUNT
from bench.peers.listen import serve


class Base(DeclarativeBase):
    """The tables, as far as a page needs them."""


class Contact(Base):
    __tablename__ = "contacts"
    account: Mapped[str] = mapped_column(primary_key=True)
    sid: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[str]
    first_name: Mapped[str | None]
    last_name: Mapped[str | None]
    company_name: Mapped[str | None]
    email: Mapped[str | None]
    tag: Mapped[str | None]
    custom_field: Mapped[str | None]
    created: Mapped[str]
    updated: Mapped[str]


class Member(Base):
    __tablename__ = "members"
    account: Mapped[str] = mapped_column(primary_key=True)
    list: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    contact: Mapped[str]


class ContactOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    account: str
    sid: str
    number: str
    first_name: str | None
    last_name: str | None
    company_name: str | None
    email: str | None
    tag: str | None
    custom_field: str | None
    created: str
    updated: str


Page = CustomizedPage[LimitOffsetPage[ContactOut], UseParamsFields(limit=Query(20, ge=1, le=5000))]


def make_app(database: str, list_sid: str) -> FastAPI:
    """Answer `/page?limit=…&offset=…`."""
    engine = create_engine(f"sqlite:///file:{database}?mode=ro&uri=true", connect_args={"check_same_thread": False})
    app = FastAPI()

    def session() -> Iterator[Session]:
        with Session(engine) as opened:
            yield opened

    @app.get("/page", response_model=Page)
    def page(db: Annotated[Session, Depends(session)]) -> Any:
        in_list = (Member.account == ACCOUNT) & (Member.list == list_sid)
        same = (Contact.account == ACCOUNT) & (Contact.sid == Member.contact)
        return paginate(db, select(Contact).join(Member, same).where(in_list).order_by(Member.position))

    add_pagination(app)
    return app


if __name__ == "__main__":
    serve("FastAPI", make_app(*sys.argv[1:]))
