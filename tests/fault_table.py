"""The table of docs/faults.md: odd inputs, what becomes of them, and the tests that hold it.

    python tests/fault_table.py     writes the table into docs/faults.md

Each row names tests; ``tests/unit/test_fault_table.py`` looks whether they exist and whether the page
is up to date.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "faults.md"
START, END = (
    "<!-- table of odd inputs: made by tests/fault_table.py -->",
    "<!-- end of the table -->",
)


class Row(NamedTuple):
    """An odd input.

    Attributes
    ----------
    given
        What somebody brings.
    outcome
        ``right``: it is read as it is meant. ``refused``: an error says why. ``told``: it is read,
        and a note says what was odd.
    what
        What happens.
    tests
        Files below ``tests`` without their ending, and functions without ``test_``.
    """

    given: str
    outcome: str
    what: str
    tests: tuple[str, ...]


TABLE = {
    "Sound": [
        Row("a high voice, music, tones of any pitch and length", "right", "openSMILE's own values, bit for bit",
            ("unit/test_audio_lld_voices::any_voice_gets_the_values_of_opensmile",)),
        Row("openSMILE stands still for a minute, or gives too few rows", "refused",
            "the job stops and names recording, file and time, also with `on_bad_recording: skip`",
            ("unit/test_audio_lld_voices::a_standstill_is_an_error_that_names_sound_and_time",
             "unit/test_audio_lld_voices::lost_rows_are_an_error")),
        Row("a slow disk, a slow decoder, a process that was stopped", "right", "the wait is not counted",
            ("unit/test_audio_lld_voices::slow_blocks_and_a_slow_caller_are_no_standstill",)),
        Row("several channels in a file that names no loudspeakers", "right", "the mean of all; none is dropped",
            ("unit/test_sound::microphones_are_mixed_to_their_mean_whichever_of_them_hears_something",
             "workflow/test_faults::three_microphones_are_no_subwoofer")),
        Row("the subject's microphone is one of several channels", "right", "column `channel`",
            ("unit/test_sound::a_channel_that_is_named_is_taken_alone",)),
        Row("a channel that the file does not have", "refused", "the number of channels, and the one that was asked for",
            ("unit/test_sound::a_channel_that_is_not_there_is_refused",)),
        Row("a layout of loudspeakers with a subwoofer", "told", "mixed as the layout asks; a subwoofer with sound is told",
            ("unit/test_sound::a_layout_of_loudspeakers_is_mixed_as_such_and_its_subwoofer_is_told",)),
        Row("a dead channel, opposite phases, digital silence", "told", "used as it is; `check` shows the level of each channel",
            ("unit/test_sound::what_is_odd_about_channels_is_told", "workflow/test_faults::check_tells_what_is_odd")),
        Row("a gap in the sound", "told", "becomes silence of its length",
            ("unit/test_sound::a_gap_that_became_silence_is_told",)),
        Row("channels named in an order of the file's own (8 channels in AIFF, CAF, MOV)", "refused", "the names; PyAV cannot read them",
            ("unit/test_sound::channels_named_in_an_order_of_the_files_own_are_refused_and_the_process_lives",)),
        Row("sound whose time stamps stand still", "right", "goes on",
            ("unit/test_codec_tour::all_pictures_and_all_sound_come_out",)),
    ],
    "Pictures": [
        Row("pixels that are not square (DV, HDV, AVCHD), stated by stream or container, also changing midway", "right",
            "the shorter side is stretched, as players do",
            ("unit/test_pictures::a_disc_is_round_whatever_the_shape_of_pixels",
             "unit/test_pictures::the_shape_of_pixels_may_change_midway",
             "workflow/test_faults::pixels_that_are_not_square_change_no_feature")),
        Row("pixels of a shape beyond 8:1", "refused", "the shape that the header states",
            ("unit/test_pictures::a_shape_that_cannot_be_is_refused",)),
        Row("a rotation tag of 90, 180 or 270 degrees, mirrored or not; EXIF", "right", "pictures are turned",
            ("unit/test_media::pictures_are_turned_as_their_display_matrix_says",)),
        Row("a rotation by another angle", "refused", "the angle", ("unit/test_media::an_oblique_display_matrix_is_refused",)),
        Row("packets of size 0 (Theora, AVI)", "right", "the last picture again",
            ("unit/test_media::a_packet_of_size_zero_repeats_the_last_picture",
             "workflow/test_faults::empty_packets_repeat_the_picture")),
        Row("AVI, GXF, ASF, MXF, whose times follow the order of decoding", "right", "times in the order of presentation; no picture is lost",
            ("unit/test_codec_tour::no_picture_is_lost_where_times_follow_the_order_of_decoding",)),
        Row("pictures stay away for more than a second", "told", "where, and how long",
            ("unit/test_pictures::pictures_that_stay_away_are_told",)),
        Row("the face is lost, and another one is found", "told", "no points until the subject is back; status.csv counts the pictures",
            ("unit/test_following::nobody_takes_the_subjects_place_while_it_is_away",
             "workflow/test_faults::somebody_elses_face_is_not_taken_for_the_subjects")),
        Row("a subject who changes place, a cut", "told", "no points from there on; with `face: largest` the largest face after a second",
            ("unit/test_following::after_a_cut_the_largest_face_is_taken_up_again_and_only_if_that_was_asked_for",)),
        Row("several people side by side", "right", "column `face`: `left`, `right` or `largest`",
            ("unit/test_following::of_people_side_by_side_the_one_at_the_side_is_followed",)),
        Row("a face that jumps by more than its width", "right", "not interpolated over",
            ("unit/test_video_features::nothing_is_interpolated_over_a_jump",)),
    ],
    "Files": [
        Row("40 and more pairs of container and codecs", "right", "flash and click of one instant within one picture",
            ("unit/test_codec_tour::flash_and_click_of_one_instant_lie_within_one_frame",)),
        Row("parts joined by a camera or by `cat`: .ts .m2ts .mpg .vob .ogg .opus, two of .mkv .webm", "told",
            "continued; where the seams are",
            ("unit/test_clock::joined_parts_are_continued_in_sound_and_pictures",
             "workflow/test_faults::joined_parts_are_read_to_their_end")),
        Row("parts joined by `cat` of which FFmpeg reads the first alone: .mp4 .mov .wav .flv, three of .mkv", "refused",
            "how much was not read",
            ("unit/test_clock::parts_that_cannot_be_continued_are_refused",
             "unit/test_clock::what_ffmpeg_does_not_read_of_joined_parts_is_refused")),
        Row("less, or more, was decoded than the header states, by more than 3 %", "told", "both lengths, in status.csv and the report",
            ("unit/test_clock::what_is_missing_of_the_stated_length_is_told",)),
        Row("damaged packets", "told", "dropped and counted; refused where they are more than 5 %",
            ("unit/test_clock::damaged_packets_are_dropped_and_counted_up_to_a_few_per_cent",)),
        Row("a part without sound, or of another kind of stream", "right", "sound stays in its place; refused where one kind turns into another",
            ("unit/test_clock::a_first_part_without_sound_keeps_the_sound_of_the_second_in_its_place", "unit/test_clock::a_stream_whose_kind_changes_is_refused")),
        Row("one wrong time stamp", "right", "taken for what it is",
            ("unit/test_clock::one_wrong_time_stamp_is_no_seam",)),
        Row("several streams of a kind", "right", "the one marked as default; `audio_stream` and `video_stream` take another; `check` lists them",
            ("unit/test_pictures::the_stream_marked_as_default_is_taken", "workflow/test_faults::the_stream_that_players_show_is_taken")),
        Row("cover art", "right", "never taken for a recording", ("unit/test_pictures::cover_art_is_no_stream_of_pictures",)),
        Row("sound and pictures in two files", "right", "the offset that their containers state is kept",
            ("unit/test_clock::two_files_keep_the_offset_that_their_containers_state",
             "workflow/test_faults::two_files_keep_their_distance")),
        Row("two files of which one has a clock of its own (.ts, .mpg, .mp3)", "right", "both start together",
            ("unit/test_clock::the_clock_of_a_transport_stream_says_nothing_about_another_file",)),
        Row("sound and pictures that start or end apart", "told", "by `check`, from two and a half pictures and 0.065 s on",
            ("workflow/test_faults::check_tells_what_is_odd",)),
        Row("one of two files that cannot be opened, or is not there", "told", "the other is read; the offset is not known",
            ("unit/test_clock::a_bad_file_beside_does_not_take_the_good_one_with_it",
             "workflow/test_faults::sound_alone_does_not_need_the_pictures")),
        Row("a file that was cut off", "told", "used as far as it goes; by `check` too",
            ("unit/test_corpus_check::a_file_that_was_cut_off_is_told",)),
        Row("WebM without a length", "right", "its packets are read", ("workflow/test_faults::check_has_nothing_to_say_of_good_media",)),
        Row("files from the future", "refused", "before the first job, and told by `check`",
            ("workflow/test_faults::a_file_from_the_future_is_told_before_the_job",)),
        Row("braces in a path", "refused", "recording and path, before the first job",
            ("workflow/test_faults::braces_in_a_path_are_refused_by_name",)),
        Row("no media at all, a playlist, a file beyond the limits", "refused", "or left out with `on_bad_recording: skip`",
            ("unit/test_clips::the_outcome_of_a_clip", "unit/test_media::playlists_of_local_files_are_refused")),
    ],
    "Ratings": [
        Row("a tool that stores changes only, with `interpolation: hold`", "told", "held until the next change, the last to the end of the recording",
            ("unit/test_ratings::the_last_value_is_held_to_the_end_and_none_before_the_first",
             "workflow/test_faults::held_ratings_are_those_written_out",
             "unit/test_pagan_qa::all_of_the_tone_is_labelled_by_all")),
        Row("the same with `linear`", "told", "the share of the time that stays without raters",
            ("unit/test_ratings::changes_that_are_taken_for_a_trace_are_told",)),
        Row("changes after the end of the recording, or a length that is not known", "told", "left out; held to the last change of any rater",
            ("unit/test_ratings::lengths_say_until_when_values_are_held",)),
        Row("changes in milliseconds or frames", "refused", "how many lie after the end", ("unit/test_ratings::changes_in_another_unit_than_seconds_are_refused",)),
        Row("`r1 ` beside `r1`", "right", "one rater; refused if both rate at one instant",
            ("unit/test_ratings::one_rater_under_two_spellings_is_one_if_they_never_meet",)),
        Row("`Arousal` beside `arousal`, `Ann` beside `ann`", "told", "rows that are not used; two people",
            ("unit/test_raters::dimensions_that_are_spelled_nearly_as_asked_are_told", "unit/test_raters::names_that_differ_in_case_are_told")),
        Row("columns `frame`, `timestamp`, `segment_id`, `mean`, `std`, `gold`", "told", "left out, unless `ratings: raters` lists them",
            ("unit/test_raters::a_column_that_nobody_rated_is_left_out_and_named", "unit/test_raters::who_counts_can_be_said")),
        Row("a trace that counts up evenly, or is the mean of the others", "told", "counts as a rater",
            ("unit/test_raters::values_that_speak_against_a_rater_are_told",)),
        Row("codes for missing values: -999, 999, 9999, values far outside the others'", "refused", "until `ratings: missing` or `range` says what they are",
            ("unit/test_raters::a_code_is_refused_with_all_that_mends_it", "unit/test_ratings::missing_codes_are_gaps_once_they_are_named")),
        Row("-1 where nothing else is negative, 9 beside 1..7, -99 beside -50..50", "told", "count as ratings, until `ratings: missing` names them",
            ("unit/test_raters::minus_one_is_told_where_nothing_else_is_negative", "unit/test_raters::codes_among_whole_numbers_are_told")),
        Row("`time,arousal,valence`, or `r1_arousal,r1_valence`, as raters", "refused", "they are dimensions",
            ("unit/test_raters::columns_that_are_dimensions_are_refused",)),
        Row("one rater twice in one file", "told", "the last value at a time counts", ("unit/test_ratings::a_rater_who_rated_twice_in_one_file_is_told",)),
        Row("few values three times as large as all others", "told", "count as ratings", ("unit/test_raters::values_far_outside_are_told",)),
        Row("0..100 or 1..9 beside -1..1, 0..1000 beside 0..1", "refused", "within a recording and over the corpus, unless `ratings: scales: free`",
            ("unit/test_raters::another_scale_beside_minus_one_to_one_is_refused",
             "unit/test_rating_scales::two_scales_in_different_batches_are_refused")),
        Row("raters who agree in shape and not in units, as 0..10 beside -1..1", "told", "used, unless `scales: free` says that they may",
            ("unit/test_raters::raters_who_agree_in_shape_and_not_in_units", "unit/test_ratings::raters_in_other_units_are_told")),
        Row("small gestures, offsets, tools without limits", "right", "one scale", ("unit/test_raters::raters_of_one_scale_are_fine", "unit/test_raters::tools_without_limits_have_ranges_without_a_gap")),
        Row("0..1 beside -1..1, 0..10 beside 0..100", "right", "cannot be told from what raters do; `check` shows every rater's range",
            ("unit/test_raters::what_cannot_be_told", "unit/test_corpus_check::raters_are_shown_over_the_corpus")),
        Row("flat and inverted traces, one rater where sigma is learnt", "told", "by `check`", ("unit/test_corpus_check::flat_and_inverted_traces_are_told", "unit/test_corpus_check::one_rater_is_told_where_sigma_is_asked_for")),
        Row("a rater who does not agree, or lies at the edge of the search (`alignment: estimated`)", "told", "lag 0; nobody else is moved",
            ("unit/test_rater_lags::an_odd_rater_gets_no_lag_and_moves_nobody",)),
        Row("constant labels, features that tell nothing, a best delay at the end of the search (`delay: estimated`)", "refused", "and asks for a delay that is given",
            ("unit/test_annotation_delay::constant_labels_are_told", "unit/test_annotation_delay::features_that_tell_nothing_are_told",
             "unit/test_annotation_delay::an_optimum_at_the_end_of_the_search_is_told")),
    ],
    "Turns": [
        Row("turns that end more than a second after the sound (milliseconds, frames)", "refused", "file, line, column and both times",
            ("unit/test_turns::turns_beyond_the_recording_are_refused_with_their_line", "workflow/test_faults::turns_that_cannot_be_are_refused")),
        Row("UTF-16, UTF-32, Latin-1", "refused", "the encoding", ("unit/test_turns::another_encoding_is_named_with_its_place",)),
        Row("decimal commas, hh:mm:ss, units, durations instead of ends", "refused", "line and column",
            ("unit/test_turns::turns_that_are_none_are_named", "unit/test_turns::headers_of_tools_are_known")),
        Row("turns that overlap, or cover all or nothing of the sound", "told", "used", ("unit/test_turns::what_is_odd_in_turns_is_noted_and_nothing_else",)),
    ],
    "Tables and subjects": [
        Row("names such as `sess1_P05_cam1`", "right", "subject `P05`; `init` states its rule", ("unit/test_corpus_init::persons_are_found_in_names_and_nothing_is_doubted",)),
        Row("names such as `pre_101`, `happy_01`, IEMOCAP's dialogues", "right", "subjects `101`, `01`, `Ses01F`: conditions and emotions are no persons",
            ("unit/test_corpus_init::persons_are_found_in_names_and_nothing_is_doubted",)),
        Row("a part of the names in several partitions, also within words: `p1s1`, `P01a`, `03a01Fa`", "told", "by `init`, with a `--subject` to try", ("unit/test_corpus_init::a_part_of_names_that_stands_in_several_partitions_is_told",)),
        Row("tables of OpenFace, openSMILE, metadata or turns under a recording's name", "right", "not taken for ratings, and named",
            ("unit/test_corpus_init::a_table_of_features_is_not_taken_for_ratings_and_named",)),
        Row("`P01` beside `P01 `, one name in two forms of Unicode", "right", "one subject",
            ("unit/test_corpus::one_person_in_two_spellings_that_look_alike_is_one",)),
        Row("two files of ratings of one recording, in folders that are no dimensions", "refused", "by `init`; the files are named",
            ("unit/test_corpus_init::what_the_folders_of_ratings_stand_for_is_told", "unit/test_corpus_init::several_ratings_of_a_recording_are_not_guessed")),
        Row("a subject or a group in two partitions", "refused", "both lines", ("unit/test_corpus::a_subject_or_a_group_in_two_partitions_is_refused",)),
        Row("partitions too small for what the report claims", "told", "by `check`", ("unit/test_corpus_check::partitions_that_are_small_for_the_report_are_remarked",)),
        Row("a command whose reader closes the pipe (`check … | head`)", "right", "ends quietly", ("unit/test_cli::check_may_be_read_in_part",)),
    ],
    "Missing modalities": [
        Row("a recording without one modality", "told", "fused scores use the others alone, as the packed model does; counted in `lacking` of ccc.csv",
            ("unit/test_fuse::a_recording_that_lacks_a_modality_is_predicted_by_the_others",
             "workflow/test_bad_recordings::without_pictures_the_sound_alone_is_scored_as_the_packed_model_predicts")),
        Row("a face, or sound, in less than half of the frames", "told", "as a recording without that modality",
            ("unit/test_fuse::a_stray_face_makes_no_modality", "unit/test_predictor::a_modality_in_few_frames_is_not_fused")),
        Row("nobody in dev with all modalities", "refused", "nothing could be fused", ("unit/test_fuse::a_dev_in_which_nobody_has_all_modalities_is_refused",)),
    ],
}  # fmt: skip


def rendered() -> str:
    """The table as Markdown."""
    lines = [START]
    for title, rows in TABLE.items():
        lines += ["", f"### {title}", "", "| input | | what happens |", "|---|---|---|"]
        lines += [f"| {row.given} | {row.outcome} | {row.what} |" for row in rows]
    return "\n".join([*lines, "", END])


def replaced(page: str) -> str:
    """The page with the table as it is now."""
    before, _, rest = page.partition(START)
    _, _, after = rest.partition(END)
    return before + rendered() + after


def named_tests() -> Iterator[tuple[Path, str]]:
    """Files and functions that rows name."""
    for rows in TABLE.values():
        for row in rows:
            for name in row.tests:
                file, _, function = name.partition("::")
                yield ROOT / "tests" / f"{file}.py", f"test_{function}"


def functions_of(path: Path) -> set[str]:
    """Names of the functions of a module."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


if __name__ == "__main__":
    PAGE.write_text(replaced(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
