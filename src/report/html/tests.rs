use std::collections::BTreeSet;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::*;
use crate::report::testing;

/// An element's name and attributes.
struct Element {
    name: String,
    attributes: Vec<(String, String)>,
}

impl Element {
    fn of(start: &BytesStart<'_>) -> Self {
        let attribute = |attribute: quick_xml::events::attributes::Attribute<'_>| {
            (attribute.key.as_ref().to_owned(), attribute.value.into_owned())
        };
        // Two of one name, or one without quotes, is an error.
        let attributes = start.attributes().map(|found| attribute(found.unwrap())).collect();
        Self { name: start.name().as_ref().to_owned(), attributes }
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    fn number(&self, name: &str) -> f64 {
        self.get(name).unwrap().parse().unwrap()
    }

    fn is(&self, name: &str, class: &str) -> bool {
        self.name == name
            && self.get("class").is_some_and(|classes| classes.split(' ').any(|one| one == class))
    }
}

/// Reads a page as XML, which every tag out of place would end.
fn elements(page: &str) -> Vec<Element> {
    let mut reader = Reader::from_str(page);
    reader.config_mut().check_end_names = true;
    let (mut elements, mut depth) = (Vec::new(), 0usize);
    loop {
        match reader.read_event().unwrap() {
            Event::Start(start) => {
                elements.push(Element::of(&start));
                depth += 1;
            }
            Event::Empty(start) => elements.push(Element::of(&start)),
            Event::End(_) => depth -= 1,
            Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(depth, 0);
    elements
}

/// Draws one table alone.
fn drawn(table: StatisticTable) -> Vec<Element> {
    let mut page = Markup::default();
    plot::figure(&mut page, &View::new(&table));
    elements(&page.finish())
}

#[test]
fn the_page_is_well_formed_and_has_what_readers_need() {
    let page = html_page(&testing::report());
    assert!(page.starts_with("<!DOCTYPE html>\n<html lang=\"en\">"));
    assert!(page.contains("<title>costs of the insured by district &amp; age – costs-2026</title>"));
    let elements = elements(&page);
    let heads: Vec<_> = elements.iter().filter(|element| element.name == "th").collect();
    assert!(!heads.is_empty() && heads.iter().all(|head| head.get("scope").is_some()));
    let drawings: Vec<_> = elements.iter().filter(|element| element.name == "svg").collect();
    assert!(drawings.iter().all(|svg| svg.get("role") == Some("img") && svg.get("aria-label").is_some()));
    let ids: Vec<_> = elements.iter().filter_map(|element| element.get("id")).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
    let links = elements.iter().filter_map(|element| element.get("href"));
    assert!(links.eq(ids.iter().map(|id| format!("#{id}")).collect::<Vec<_>>()));
}

#[test]
fn the_page_names_its_policy_and_fetches_nothing() {
    let page = html_page(&testing::report());
    let policy = "<meta http-equiv=\"Content-Security-Policy\" \
        content=\"default-src &#39;none&#39;; style-src &#39;unsafe-inline&#39;\" />";
    assert!(page.contains(policy));
    for reference in ["http:", "https:", "//", "url(", "@import", "<script", "<link", " src=", " style="] {
        assert!(!page.contains(reference), "{reference}");
    }
}

#[test]
fn every_text_of_a_report_is_escaped() {
    const HOSTILE: &str = "<script>\"'&</script>";
    let mut report = testing::report();
    let mut table = testing::crosstab();
    table.by[0].name = HOSTILE.into();
    table.by[0].labels[0] = HOSTILE.into();
    table.by[1].labels[1] = HOSTILE.into();
    table.name = HOSTILE.into();
    table.owner = HOSTILE.into();
    report.tables.push(table);
    report.protection[0].rules.push(HOSTILE.into());
    report.learned.own.push(HOSTILE.into());
    for text in
        [&mut report.purpose, &mut report.agreement.id, &mut report.parties.own, &mut report.parties.peer]
    {
        *text = HOSTILE.into();
    }
    let page = html_page(&report);
    assert!(elements(&page).iter().all(|element| element.name != "script"));
    assert!(!page.contains("<script") && !page.contains("</script"));
    assert!(page.contains("&lt;script&gt;&quot;&#39;&amp;&lt;/script&gt;"));
}

#[test]
fn figures_of_suppressed_cells_are_not_in_the_page() {
    let report = testing::report();
    let mut holding = report.clone();
    for entry in
        holding.tables.iter_mut().flat_map(|table| &mut table.entries).filter(|entry| entry.suppressed)
    {
        entry.count = Some(testing::figure("424242", Some(4242.0)));
        entry.value = Some(testing::figure("434343", Some(4343.0)));
    }
    assert_ne!(format!("{holding:?}"), format!("{report:?}"));
    assert_eq!(html_page(&holding), html_page(&report));
}

#[test]
fn suppressed_cells_are_marked_for_the_eye_and_for_the_ear() {
    let page = html_page(&testing::report());
    let marked = "<td class=\"suppressed\" title=\"suppressed\"><span aria-hidden=\"true\">*</span>\
        <span class=\"heard\">suppressed</span></td>";
    // Two for the row of means, then two of a crosstab, a bin, and three where all are.
    assert_eq!(page.matches(marked).count(), 8);
    assert!(page.contains("title=\"no value for so few records\"><span aria-hidden=\"true\">–</span>"));
}

#[test]
fn every_table_by_groups_with_figures_is_drawn() {
    let report = testing::report();
    let count = |name: &str, page: &str| elements(page).iter().filter(|element| element.name == name).count();
    let page = html_page(&report);
    assert_eq!(count("svg", &page), 4);
    assert_eq!(page.matches("Not drawn: no cell has a released figure.").count(), 1);
    assert!(page.contains("<p class=\"single\">-1,234,567.50</p>"));
    let mut long = testing::by_district();
    long.by[0].labels = vec!["a".into(); 201];
    assert!(drawn(long).iter().all(|element| element.name != "svg"));
}

#[test]
fn protection_stands_beside_every_table() {
    let page = html_page(&testing::report());
    assert_eq!(page.matches("<li>every figure rests on at least 5 records</li>").count(), 5);
    assert_eq!(page.matches("<li>every figure rests on at least 10 records</li>").count(), 1);
    assert!(page.contains("<li>2 of 9 suppressed here (*)</li>"));
    assert!(page.contains("3 of 3 cells and margins: 3 with too few records"));
    assert!(!page.contains("class=\"withheld\""));
    let mut report = testing::report();
    report.outcome = "withheld".into();
    assert!(html_page(&report).contains("<p class=\"withheld\">Withheld: every figure is suppressed.</p>"));
}

#[test]
fn bars_of_negative_figures_end_at_zero() {
    let mut table = testing::by_district();
    table.entries[2].value = Some(testing::figure("-400", Some(10.0)));
    let elements = drawn(table);
    let bars: Vec<_> = elements.iter().filter(|element| element.is("rect", "bar")).collect();
    let [up, down] = bars[..] else { panic!("{} bars", bars.len()) };
    let zero = up.number("x");
    assert!((down.number("x") + down.number("width") - zero).abs() < 0.02);
    let ratio = up.number("width") / down.number("width");
    assert!((ratio - 812.3312 / 400.0).abs() < 0.01, "{ratio}");
    assert_eq!(elements.iter().filter(|element| element.is("path", "error")).count(), 2);
    assert_eq!(elements.iter().filter(|element| element.is("rect", "suppressed")).count(), 1);
    assert_eq!(elements.iter().filter(|element| element.is("path", "overall")).count(), 1);
}

#[test]
fn bins_adjoin_and_their_areas_are_the_counts() {
    let elements = drawn(testing::histogram());
    let is_bin = |element: &&Element| element.is("rect", "bin") || element.is("rect", "suppressed");
    let bins: Vec<_> = elements.iter().filter(is_bin).collect();
    assert_eq!(bins.len(), 4);
    for pair in bins.windows(2) {
        assert!((pair[0].number("x") + pair[0].number("width") - pair[1].number("x")).abs() < 0.02);
    }
    let area = |bin: &Element| bin.number("width") * bin.number("height");
    let ratio = area(bins[1]) / area(bins[0]);
    assert!((ratio - 1700.0 / 900.0).abs() < 0.01, "{ratio}");
}

#[test]
fn heat_maps_fill_released_cells_alone() {
    let elements = drawn(testing::crosstab());
    let filled: Vec<_> = elements.iter().filter(|element| element.get("fill").is_some()).collect();
    let is_cell = |element: &&&Element| element.number("height") > 20.0;
    let colours: Vec<_> = filled.iter().filter(is_cell).map(|cell| cell.get("fill").unwrap()).collect();
    assert_eq!(colours, ["rgb(11, 58, 107)", "rgb(241, 246, 251)"]);
    let hatched = elements.iter().filter(|element| element.is("rect", "suppressed"));
    assert_eq!(hatched.count(), 3, "two cells and the legend");
}

#[test]
fn long_labels_are_cut_and_told_in_full() {
    let mut table = testing::by_district();
    table.by[0].labels[0] = "浙江省杭州市上城区望江街道办事处".repeat(2);
    let mut page = Markup::default();
    plot::figure(&mut page, &View::new(&table));
    let page = page.finish();
    assert!(page.contains("<title>浙江省杭州市上城区望江街道办事处浙江省杭州市上城区望江街道办事处</title>"));
    assert!(page.contains("\n浙江省杭州市上城区望江街…</text>"));
}

#[test]
fn the_page_of_a_sum_names_parties_and_escapes_texts() {
    let report = testing::sum_report();
    let page = sum_page(&report);
    elements(&page);
    assert!(page.contains("costs of treatment &amp; &lt;care&gt;") && !page.contains("<care>"));
    for shown in [
        "vanished at: masked figures; ed25519:river",
        "Commitment of north",
        "89 integers of 64 bits",
        "health-board",
    ] {
        assert!(page.contains(shown), "{shown}");
    }
    let mut hub = report;
    (hub.records, hub.budget) = (None, None);
    assert!(page.contains("Own table") && !sum_page(&hub).contains("Own table"));
}
