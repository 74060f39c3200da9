//! What is planned, refused and brought.

use tidegate_mpc::testing::seeded_rng;

use super::{PAID, TOWN, agree, read, statistic, terms};
use crate::agreement::{Agreement, AgreementError};
use crate::data::ColumnData;
use crate::statistics::{PlanError, SumPlan};

#[test]
fn other_agreements_have_no_plan() {
    let join =
        Agreement::new(toml::from_str(include_str!("../../../../examples/join-agreement.toml")).unwrap());
    let refused = SumPlan::new(&join.unwrap()).unwrap_err();
    assert!(matches!(refused, PlanError::Agreement(AgreementError::NotASum)));
}

#[test]
fn the_vector_has_contributors_and_measures_of_every_grid() {
    let example = include_str!("../../../../examples/sum-agreement.toml");
    let plan = SumPlan::new(&Agreement::new(toml::from_str(example).unwrap()).unwrap()).unwrap();
    // Four departments by four bands, with all margins; count, sums and one column's squares.
    assert_eq!(plan.len(), 25 + 16 * 4);
    assert!(!plan.is_empty());
    assert_eq!(plan.bounds(), (0, 200_000 * 200_000_000));
    assert_eq!(
        plan.spending(
            &Agreement::new(toml::from_str(example).unwrap()).unwrap(),
            &agree_one().terms().party[0]
        ),
        None
    );
}

fn agree_one() -> Agreement {
    agree(3, 50, "", &format!("{PAID}{}", statistic("sum", Some("paid"), &[], "")), "minimum_count = 2")
}

#[test]
fn negative_numbers_bound_words_from_below() {
    let paid = PAID.replace("min = \"0\"", "min = \"-300\"");
    let parts = format!("{paid}{}", statistic("sum", Some("paid"), &[], ""));
    let plan = SumPlan::new(&agree(3, 50, "", &parts, "minimum_count = 2")).unwrap();
    assert_eq!(plan.bounds(), (-15_000, 5_000));
}

#[test]
fn a_party_names_its_columns_as_it_likes() {
    let parts = format!("{PAID}{TOWN}{}", statistic("sum", Some("paid"), &["town"], ""));
    let mut terms = terms(3, 50, "", &parts, "minimum_count = 2");
    terms.party[1].sources.insert("town".into(), "市".into());
    let agreement = Agreement::new(terms).unwrap();
    let plan = SumPlan::new(&agreement).unwrap();
    let own = read(&agreement, &plan, 0, "town,paid\nN,5\nW,7\nW,1\n");
    let other = read(&agreement, &plan, 1, "paid,市\n5,N\n7,W\n1,W\n");
    let [own, other] = [own, other].map(|own| plan.contribution(&own.columns, own.len, &mut seeded_rng(1)));
    // Contributors of three towns and the total; then counts and sums.
    assert_eq!(own.words(), [1, 0, 1, 1, 1, 5, 0, 0, 2, 8]);
    assert_eq!(own.words(), other.words());
}

#[test]
fn words_do_not_depend_on_the_threads() {
    let parts = format!("{PAID}{TOWN}{}", statistic("variance", Some("paid"), &["town"], ""));
    let plan = SumPlan::new(&agree(3, 1 << 20, "", &parts, "minimum_count = 2")).unwrap();
    let rows = 100_000;
    let columns = [
        ColumnData::Numbers((0..rows).map(|row| row * 31 % 101).collect()),
        ColumnData::Groups((0..rows).map(|row| u16::try_from(row % 3).unwrap()).collect()),
    ];
    let rows = usize::try_from(rows).unwrap();
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| plan.contribution(&columns, rows, &mut seeded_rng(1))).words().to_vec()
    };
    let one = with(1);
    assert_eq!(one[4] + one[7] + one[10], 100_000);
    assert!([2, 3, 7].into_iter().all(|threads| with(threads) == one));
}

#[test]
fn a_count_needs_no_column() {
    let agreement = agree(3, 50, "", &statistic("count", None, &[], ""), "minimum_count = 2");
    let result = super::run(&agreement, &[Some("x\n1\n2\n"), Some("y\n1\n"), Some("x\n1\n")], 1);
    assert_eq!(super::counts(&result.tables[0]), ["4"]);
}
