"""The routes of what comes in: today, the list, one report, decisions, comments and letters."""

from starlette.routing import BaseRoute

from widget_api.cabinet.problems import (
    assignment,
    author_search,
    bulk,
    comments,
    correction,
    decision,
    document_numbers,
    entering,
    exports,
    held_mail,
    inbox_routes,
    incoming,
    moderation_by_mail,
    outside_answer,
    participation,
    photos,
    saved_views,
)

routes: list[BaseRoute] = [
    *participation.routes,  # /cabinet/problems/{id}/participants.csv
    *photos.routes,  # /cabinet/problems/{id}/photos: hide and cover photos
    *comments.routes,  # /cabinet/comments: comments that await moderation
    *held_mail.routes,  # /cabinet/mail: answers by mail that await a review
    *moderation_by_mail.routes,  # /moderate/{token}: moderation of a comment from the mailbox
    *incoming.routes,  # /cabinet/inbox: comments and letters that wait
    *entering.routes,  # /cabinet/new-report: a report for a caller, a visitor, a letter
    *document_numbers.routes,  # /cabinet/registration-numbers: numbers of the document system from a file
    *outside_answer.routes,  # /cabinet/problems/{id}/outside: an answer given outside the system
    *author_search.routes,  # /cabinet/problems/by-author
    *exports.routes,  # /cabinet/problems.csv, .xlsx
    *correction.routes,  # /cabinet/problems/{id}/correct: category, text, place, answer
    *decision.routes,  # /cabinet/problems/{id}: decisions and drafts
    *bulk.routes,  # /cabinet/bulk: decisions about many reports at once
    *saved_views.routes,  # /cabinet/views: saved filters of the list
    *assignment.routes,  # /cabinet/problems/{id}/assign, work, return
    *inbox_routes.routes,  # /cabinet/problems
]
