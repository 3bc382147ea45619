"""Every page of the console. Read this first."""

from collections.abc import Mapping, Sequence

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from dialbook.console import (
    assets,
    contacts,
    list_names,
    list_pictures,
    lists,
    members,
    overview,
    selection,
    sign_in,
    upload_form,
    uploads,
)
from dialbook.console.session import HOME
from dialbook.console.view import Guard, Handler, View, answer_error
from dialbook.model.errors import NotFound
from dialbook.server.app import Site
from dialbook.server.uploads import export_report

PAGES: Mapping[str, Mapping[str, Handler]] = {
    "": {
        "GET": overview.show_overview,
    },
    "/lists": {
        "GET": lists.list_lists,
        "POST": lists.create_list,
    },
    "/lists/names": {
        "GET": list_names.suggest_names,
    },
    "/lists/{list_sid}": {
        "GET": members.show_list,
        "POST": lists.update_list,
    },
    "/lists/{list_sid}/delete": {
        "POST": lists.delete_list,
    },
    "/lists/{list_sid}/pictures": {
        "GET": list_pictures.show_pictures,
    },
    "/lists/{list_sid}/export": {
        "GET": members.export_list,
    },
    "/lists/{list_sid}/selection": {
        "POST": selection.choose,
    },
    "/lists/{list_sid}/selection/work": {
        "POST": selection.work_off,
    },
    "/contacts": {
        "GET": contacts.list_contacts,
        "POST": contacts.create_contact,
    },
    "/contacts/{contact_sid}": {
        "GET": contacts.show_contact,
        "POST": contacts.update_contact,
    },
    "/contacts/{contact_sid}/delete": {
        "POST": contacts.delete_contact,
    },
    "/uploads": {
        "GET": uploads.list_uploads,
        "POST": upload_form.create_upload,
    },
    "/uploads/new": {
        "GET": upload_form.show_form,
    },
    "/uploads/target": {
        "GET": upload_form.show_target,
    },
    "/uploads/{upload_id}": {
        "GET": uploads.show_upload,
    },
    "/uploads/{upload_id}/cancel": {
        "POST": uploads.cancel_upload,
    },
    "/uploads/{upload_id}/report.csv": {
        "GET": export_report,
    },
}

# Forms that change nothing: whoever may only read may send them too.
READING_PAGES: Mapping[str, Mapping[str, Handler]] = {
    "/lists/{list_sid}/selection/export": {
        "POST": selection.export_selection,
    },
}

# Those that need nobody to be signed in.
OPEN_PAGES: Mapping[str, Mapping[str, Handler]] = {
    "/sign-in": {
        "GET": sign_in.ask,
        "POST": sign_in.sign_in,
    },
    "/sign-out": {
        "POST": sign_in.sign_out,
    },
    "/enter/{link}": {
        "GET": sign_in.show_link,
        "POST": sign_in.follow_link,
    },
}


def console() -> Site:
    """What is served below `/console`; the root of the server leads there."""
    return Site(_routes(), answer_error)


def _routes() -> Sequence[BaseRoute]:
    return [
        Mount(assets.PATH, assets.Assets()),
        *[Route(HOME + path, View(by, Guard.NOBODY)) for path, by in OPEN_PAGES.items()],
        *[Route(HOME + path, View(by, Guard.SIGNED_IN)) for path, by in READING_PAGES.items()],
        *[Route(HOME + path, View(by)) for path, by in PAGES.items()],
        Route(HOME + "/", _lead_home),
        Route(HOME + "/{path:path}", View({"GET": _unknown})),
        Route("/", _lead_home),
    ]


async def _lead_home(_: Request) -> Response:
    return RedirectResponse(HOME, 303)


async def _unknown(_: Request) -> Response:
    raise NotFound("There is no such page.")
