"""Pictures of people, maps and training samples."""

from .labels import draw_ignored, draw_weights
from .maps import Scale, draw_arrows, draw_heatmaps, draw_pafs
from .people import draw_dot, draw_people, joint_colours, limb_colours, mark_occluded
from .sheets import captioned, contact_sheet, enlarge, save_image

__all__ = [
    "Scale",
    "captioned",
    "contact_sheet",
    "draw_arrows",
    "draw_dot",
    "draw_heatmaps",
    "draw_ignored",
    "draw_pafs",
    "draw_people",
    "draw_weights",
    "enlarge",
    "joint_colours",
    "limb_colours",
    "mark_occluded",
    "save_image",
]
