//! Synthetic tables of people who do not exist: valid made-up identity numbers, Chinese names and districts.
//!
//! Everything follows from a seed. Cells are written as carelessly as in real tables: some numbers in
//! full-width digits, with spaces or a small `x`, some rows twice, some with a wrong check digit; the
//! generator knows the true number of each row, so a plain join can be told apart from a lucky one.

use std::fmt::Write as _;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use jiff::ToSpan;
use jiff::civil::{Date, date};

use crate::data::normalize::resident_id;

/// Divisions by code (GB/T 2260) and name.
const DISTRICTS: [(u32, &str); 30] = [
    (110_101, "北京市东城区"),
    (110_105, "北京市朝阳区"),
    (110_108, "北京市海淀区"),
    (120_103, "天津市河西区"),
    (310_101, "上海市黄浦区"),
    (310_104, "上海市徐汇区"),
    (310_115, "上海市浦东新区"),
    (320_102, "南京市玄武区"),
    (320_106, "南京市鼓楼区"),
    (330_102, "杭州市上城区"),
    (330_106, "杭州市西湖区"),
    (330_203, "宁波市海曙区"),
    (340_104, "合肥市蜀山区"),
    (350_102, "福州市鼓楼区"),
    (350_203, "厦门市思明区"),
    (370_102, "济南市历下区"),
    (370_202, "青岛市市南区"),
    (410_102, "郑州市中原区"),
    (420_106, "武汉市武昌区"),
    (430_102, "长沙市芙蓉区"),
    (440_103, "广州市荔湾区"),
    (440_106, "广州市天河区"),
    (440_304, "深圳市福田区"),
    (440_305, "深圳市南山区"),
    (500_103, "重庆市渝中区"),
    (510_104, "成都市锦江区"),
    (510_107, "成都市武侯区"),
    (530_102, "昆明市五华区"),
    (610_103, "西安市碑林区"),
    (610_113, "西安市雁塔区"),
];

const SURNAMES: [&str; 24] = [
    "王", "李", "张", "刘", "陈", "杨", "黄", "赵", "吴", "周", "徐", "孙", "马", "朱", "胡", "郭", "何",
    "林", "罗", "高", "欧阳", "司马", "诸葛", "上官",
];
const GIVEN: [&str; 32] = [
    "伟", "芳", "娜", "敏", "静", "丽", "强", "磊", "军", "洋", "勇", "艳", "杰", "娟", "涛", "明", "超",
    "秀英", "霞", "平", "刚", "桂英", "建国", "志强", "晓燕", "子涵", "梓轩", "雨桐", "浩然", "思远", "若曦",
    "文博",
];

/// What [`TableKind::Employment`] says of a person.
pub const EMPLOYMENT: [&str; 4] = ["employed", "self-employed", "unemployed", "retired"];

/// The day on which ages are counted.
const AGE_DAY: Date = date(2025, 7, 1);

const FIRST_BIRTHDAY: Date = date(1945, 1, 1);
const BIRTHDAYS: u64 = 22_000;
const SEQUENCES: u64 = 999;

/// People who can be told apart: one for each district, birthday and sequence number.
pub const MAX_PEOPLE: u64 = DISTRICTS.len() as u64 * BIRTHDAYS * SEQUENCES;

/// A made-up person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Resident identity number, 18 characters, with a valid check digit.
    pub id: String,
    /// Name.
    pub name: String,
    /// Name of the division in the identity number.
    pub district: &'static str,
    /// Age in years.
    pub age: u8,
    mix: u64,
}

/// A population: the same seed and index always give the same person, different indices different ones.
#[derive(Clone, Copy, Debug)]
pub struct Population {
    seed: u64,
}

impl Population {
    /// Makes the population of a seed.
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// Returns the person with this index, taken modulo [`MAX_PEOPLE`].
    pub fn person(&self, index: u64) -> Person {
        // Multiplying by a number without a common factor permutes the indices.
        const STEP: u64 = 387_420_489_001;
        let slot = (u128::from(index) * u128::from(STEP) + u128::from(self.seed)) % u128::from(MAX_PEOPLE);
        let slot = u64::try_from(slot).unwrap_or_default();
        let (place, rest) = (slot / (BIRTHDAYS * SEQUENCES), slot % (BIRTHDAYS * SEQUENCES));
        let (day, sequence) = (rest / SEQUENCES, rest % SEQUENCES + 1);
        let (code, district) = *pick(&DISTRICTS, place);
        let mix = mix(slot ^ self.seed.rotate_left(32));
        let name = format!("{}{}", pick(&SURNAMES, mix), pick(&GIVEN, mix >> 16));
        let born = birthday(day);
        Person { id: resident_number(code, born, sequence), name, district, age: age(born), mix }
    }
}

fn pick<T>(list: &[T], number: u64) -> &T {
    let index = number % list.len() as u64;
    list.get(usize::try_from(index).unwrap_or_default()).expect("lists are not empty")
}

fn birthday(day: u64) -> Date {
    FIRST_BIRTHDAY.saturating_add(i64::try_from(day).unwrap_or_default().days())
}

fn age(born: Date) -> u8 {
    let had_birthday = (AGE_DAY.month(), AGE_DAY.day()) >= (born.month(), born.day());
    let years = AGE_DAY.year() - born.year() - i16::from(!had_birthday);
    u8::try_from(years).unwrap_or_default()
}

/// Names the districts in which people are registered.
pub fn districts() -> impl Iterator<Item = &'static str> {
    DISTRICTS.into_iter().map(|(_, name)| name)
}

fn resident_number(code: u32, born: Date, sequence: u64) -> String {
    let mut number = format!("{code:06}{:04}{:02}{:02}{sequence:03}", born.year(), born.month(), born.day());
    let digits: [u8; 17] = number.as_bytes().try_into().expect("6 + 8 + 3 digits are 17");
    number.push(char::from(resident_id::check_character(&digits)));
    number
}

/// Spreads a number over 64 bits (the finalizer of splitmix64).
fn mix(mut z: u64) -> u64 {
    z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// What a table holds besides the identity number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableKind {
    /// A province's medical insurance: number, name, district, settled costs.
    Insurance,
    /// A credit bureau: number, name, score, loans.
    Credit,
    /// A province's medical insurance, for statistics: number, district, age, what was paid.
    Claims,
    /// An employment office, for statistics: number, one of [`EMPLOYMENT`].
    Employment,
}

impl TableKind {
    /// Returns the header; the first column is the identity number.
    pub fn header(self) -> &'static str {
        match self {
            Self::Insurance => "id_card,name,district,settled_yuan",
            Self::Credit => "证件号码,姓名,评分,贷款笔数",
            Self::Claims => "id_card,district,age,paid",
            Self::Employment => "证件号码,employment_status",
        }
    }

    /// Returns the name of the column of the identity number.
    pub fn id_column(self) -> &'static str {
        match self {
            Self::Insurance | Self::Claims => "id_card",
            Self::Credit | Self::Employment => "证件号码",
        }
    }

    fn rest(self, person: &Person) -> String {
        let Person { name, district, age, mix, .. } = person;
        match self {
            Self::Insurance => format!("{name},{district},{}.{:02}", mix % 50_000, mix % 100),
            Self::Credit => format!("{name},{},{}", 350 + mix % 600, mix % 5),
            // The old cost more, so that a mean by age says something.
            Self::Claims => {
                let yuan = mix % (1_000 + 400 * u64::from(*age));
                format!("{district},{age},{yuan}.{:02}", (mix >> 32) % 100)
            }
            Self::Employment => employment(*age, mix >> 40).to_owned(),
        }
    }
}

fn employment(age: u8, chance: u64) -> &'static str {
    let [employed, own, without, retired] = EMPLOYMENT;
    match chance % 10 {
        _ if age >= 63 => retired,
        0 => without,
        1 | 2 => own,
        _ => employed,
    }
}

/// One row of a table and the number that it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The row, without a line end.
    pub line: String,
    /// The true identity number; `None` where the check digit is wrong.
    pub id: Option<String>,
}

/// Makes `rows` rows of people `first..`, of which about one in fifty repeats the person before.
pub fn rows(population: Population, kind: TableKind, first: u64, rows: u64) -> impl Iterator<Item = Row> {
    let mut index = first;
    (0..rows).map(move |row| {
        if row > 0 && !repeats(population, kind, row) {
            index += 1;
        }
        let chance = chance(population, kind, row);
        let person = population.person(index);
        let (cell, valid) = careless(&person.id, chance >> 8);
        Row { line: format!("{cell},{}", kind.rest(&person)), id: valid.then_some(person.id) }
    })
}

fn chance(population: Population, kind: TableKind, row: u64) -> u64 {
    mix(row ^ mix(population.seed ^ (kind as u64 + 1)))
}

/// Tells whether a row is of the same person as the row before.
fn repeats(population: Population, kind: TableKind, row: u64) -> bool {
    chance(population, kind, row).is_multiple_of(50)
}

/// Writes a number as people do; tells whether it is still the same number.
fn careless(id: &str, chance: u64) -> (String, bool) {
    match chance % 200 {
        0..8 => (id.chars().map(full_width).collect(), true),
        8..16 => (format!(" {id} "), true),
        16..24 => (id.to_lowercase(), true),
        24..28 => {
            let (number, check) = id.split_at(17);
            let wrong = if check == "0" { "1" } else { "0" };
            (format!("{number}{wrong}"), false)
        }
        _ => (id.to_owned(), true),
    }
}

fn full_width(c: char) -> char {
    char::from_u32(u32::from(c) + 0xfee0).unwrap_or(c)
}

/// Counts the people of a table of `row_count` rows, which are fewer because some rows repeat one.
pub fn people_in(population: Population, kind: TableKind, row_count: u64) -> u64 {
    let repeated = (1..row_count).filter(|row| repeats(population, kind, *row));
    row_count - repeated.count() as u64
}

/// Writes a table as CSV and returns the true number of each row.
///
/// # Errors
/// Those of writing.
pub fn write_table(
    path: &Path,
    population: Population,
    kind: TableKind,
    first: u64,
    row_count: u64,
) -> io::Result<Vec<Option<String>>> {
    let mut file = BufWriter::new(std::fs::File::create_new(path)?);
    writeln!(file, "{}", kind.header())?;
    let mut ids = Vec::new();
    let mut text = String::new();
    for row in rows(population, kind, first, row_count) {
        text.clear();
        let _ = writeln!(text, "{}", row.line);
        file.write_all(text.as_bytes())?;
        ids.push(row.id);
    }
    file.flush()?;
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::data::normalize::{Normalizer, Rule, Scratch};
    use crate::decimal::parse_units;

    #[test]
    fn people_are_distinct_and_their_numbers_valid() {
        let (population, rule) = (Population::new(5), Normalizer::new(&[Rule::ResidentId]));
        let mut seen = HashSet::new();
        for index in 0..20_000 {
            let person = population.person(index);
            let mut scratch = Scratch::default();
            assert_eq!(rule.normalize(&person.id, &mut scratch), Ok(person.id.as_str()));
            assert!(seen.insert(person.id));
        }
    }

    /// The tables for statistics hold what an agreement can declare, and each category and age occurs.
    #[test]
    fn tables_for_statistics_can_be_declared() {
        let population = Population::new(3);
        let cells = |kind| rows(population, kind, 0, 5000).map(|row| row.line);
        let mut seen = HashSet::new();
        for line in cells(TableKind::Claims) {
            let [_, district, age, paid] = line.split(',').collect::<Vec<_>>()[..] else { panic!("{line}") };
            assert!(districts().any(|known| known == district), "{line}");
            assert!((0..5_000_000).contains(&parse_units(paid, 2).unwrap()), "{line}");
            seen.insert(age.parse::<u8>().unwrap());
        }
        assert_eq!((seen.iter().min(), seen.iter().max()), (Some(&20), Some(&80)));
        let status: HashSet<_> =
            cells(TableKind::Employment).map(|line| line.split_once(',').unwrap().1.to_owned()).collect();
        assert_eq!(status, EMPLOYMENT.map(str::to_owned).into());
    }

    #[test]
    fn ages_change_on_the_birthday() {
        let born = |day| age(date(1960, 7, day));
        assert_eq!((born(1), born(2)), (65, 64));
    }

    #[test]
    fn the_step_permutes_all_people() {
        let (mut a, mut b) = (387_420_489_001, MAX_PEOPLE);
        while b > 0 {
            (a, b) = (b, a % b);
        }
        assert_eq!(a, 1);
    }

    #[test]
    fn careless_cells_normalize_to_the_true_number_or_not_at_all() {
        let rule = Normalizer::new(&[Rule::ResidentId]);
        let rows: Vec<_> = rows(Population::new(1), TableKind::Credit, 0, 5000).collect();
        for row in &rows {
            let (cell, _) = row.line.split_once(',').unwrap();
            let mut scratch = Scratch::default();
            assert_eq!(rule.normalize(cell, &mut scratch).ok(), row.id.as_deref(), "{}", row.line);
        }
        let distinct: HashSet<_> = rows.iter().filter_map(|row| row.id.as_ref()).collect();
        let valid = rows.iter().filter(|row| row.id.is_some()).count();
        assert!(distinct.len() < valid && valid < rows.len());
    }
}
