//! The macro that turns the table of models into the two enums the rest of the program uses, so
//! that nothing else has a generic or a match on models.

/// Writes [`ModelConfig`](super::ModelConfig) and [`Model`](super::Model) from one
/// `file::Type` line per model.
///
/// Burn's `Module` is not dyn-compatible, hence an enum and not `Box<dyn CodingModel>`.
macro_rules! models {
    ($($file:ident :: $Type:ident),+ $(,)?) => {
        /// The settings of one model, as a suite writes them under `[run.model.<name>]`.
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum ModelConfig {
            $(
                #[doc = concat!("Settings of [`", stringify!($file), "`].")]
                $Type(<$file::$Type as CodingModel>::Config),
            )+
        }

        /// A model of any kind. The optimiser and the checkpoint see its parameters as those of
        /// the model inside.
        #[derive(burn::module::Module, Debug)]
        #[allow(clippy::large_enum_variant)] // One exists at a time.
        pub enum Model {
            $(
                #[doc = concat!("A [`", stringify!($file), "`] model.")]
                $Type($file::$Type),
            )+
        }

        impl ModelConfig {
            /// The names of all models: file name, TOML key and report name in one.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($file)),+];

            /// The model's name, one of [`NAMES`](Self::NAMES).
            pub fn name(&self) -> &'static str {
                match self { $(Self::$Type(_) => stringify!($file)),+ }
            }

            /// One line on what the model is and where it was published.
            pub fn about(&self) -> &'static str {
                match self { $(Self::$Type(_) => <$file::$Type as CodingModel>::ABOUT),+ }
            }

            /// See [`CodingModel::TAKES_ENCODER`].
            pub fn takes_encoder(&self) -> bool {
                match self { $(Self::$Type(_) => <$file::$Type as CodingModel>::TAKES_ENCODER),+ }
            }

            /// See [`CodingModel::MADE_OF_EVIDENCE`].
            pub fn is_made_of_evidence(&self) -> bool {
                match self { $(Self::$Type(_) => <$file::$Type as CodingModel>::MADE_OF_EVIDENCE),+ }
            }

            /// Whether these settings have a weight for a supervision by evidence.
            pub fn is_shown_evidence(&self) -> bool {
                match self {
                    $(Self::$Type(config) => serde_json::to_value(config)
                        .is_ok_and(|settings| settings.get("evidence-weight").is_some())),+
                }
            }

            /// The smallest settings that train, of every model: what the contract tests run over.
            pub fn tiny() -> Vec<Self> {
                vec![$(Self::$Type(<$file::$Type as CodingModel>::tiny())),+]
            }

            /// See [`CodingModel::TOKENS`].
            pub fn tokens(&self) -> Tokens {
                match self { $(Self::$Type(_) => <$file::$Type as CodingModel>::TOKENS),+ }
            }

            /// The published settings of the model of that name, see [`CodingModel::published`]; `None` where the table
            /// has no such name.
            pub fn published(name: &str, length: usize) -> Option<Self> {
                match name {
                    $(stringify!($file) => Some(Self::$Type(<$file::$Type as CodingModel>::published(length))),)+
                    _ => None,
                }
            }

            /// See [`CodingModel::label_block`].
            pub fn label_block(&mut self) -> Option<&mut usize> {
                match self { $(Self::$Type(config) => <$file::$Type as CodingModel>::label_block(config)),+ }
            }

            /// See [`CodingModel::explains`].
            pub fn explains(&self) -> bool {
                match self { $(Self::$Type(config) => <$file::$Type as CodingModel>::explains(config)),+ }
            }

            /// See [`CodingModel::segmented`].
            pub fn segmented(self, segment: usize, overlap: usize) -> Self {
                match self {
                    $(Self::$Type(config) => {
                        Self::$Type(<$file::$Type as CodingModel>::segmented(config, segment, overlap))
                    }),+
                }
            }

            /// What is wrong with these settings for this task, if anything.
            pub fn check(&self, task: &Task, length: usize) -> Result<(), String> {
                match self {
                    $(Self::$Type(config) => <$file::$Type as CodingModel>::check(config, task, length)),+
                }
            }

            /// See [`CodingModel::reads`].
            pub fn reads(&self, length: usize) -> usize {
                match self { $(Self::$Type(config) => <$file::$Type as CodingModel>::reads(config, length)),+ }
            }

            /// See [`CodingModel::work`].
            pub fn work(&self, codes: usize, notes: &[NoteSize]) -> Option<Work> {
                match self { $(Self::$Type(config) => <$file::$Type as CodingModel>::work(config, codes, notes)),+ }
            }

            /// A model with freshly drawn parameters, see [`CodingModel::init`].
            pub fn init(&self, task: &Task, initialiser: &mut Initialiser) -> Model {
                match self {
                    $(Self::$Type(config) => {
                        Model::$Type(<$file::$Type as CodingModel>::init(config, task, initialiser))
                    }),+
                }
            }
        }

        impl Model {
            /// See [`CodingModel::logits`].
            pub fn logits(&self, batch: &Batch) -> burn::tensor::Tensor<2> {
                match self { $(Self::$Type(model) => model.logits(batch)),+ }
            }

            /// See [`CodingModel::gradients`].
            pub fn gradients(
                &self,
                batch: &Batch,
                targets: burn::tensor::Tensor<2>,
            ) -> (burn::tensor::Tensor<1>, burn::optim::GradientsParams) {
                match self { $(Self::$Type(model) => model.gradients(batch, targets)),+ }
            }

            /// See [`CodingModel::depth`].
            pub fn depth(&self, path: &str) -> Depth {
                match self { $(Self::$Type(_) => <$file::$Type as CodingModel>::depth(path)),+ }
            }

            /// See [`CodingModel::explain`].
            pub fn explain(&self, batch: &Batch, codes: &[usize]) -> Option<Vec<burn::tensor::Tensor<2>>> {
                match self { $(Self::$Type(model) => model.explain(batch, codes)),+ }
            }
        }
    };
}

pub(super) use models;
